/* thing: a fixture.
 * Why:    it proves that a rule bites.
 * Never:  is compiled.
 * Thread: any. */

int thing_run(void);
