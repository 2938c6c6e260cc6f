/* thing: a header that does not say what it never does.
 * Why:    it proves that a rule bites.
 * Thread: any. */
#pragma once
