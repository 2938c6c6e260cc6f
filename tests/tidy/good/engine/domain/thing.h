/* thing: a fixture.
 * Why:    it proves that a rule bites.
 * Never:  is compiled.
 * Thread: any. */
#pragma once

int thing_count(int kind);
