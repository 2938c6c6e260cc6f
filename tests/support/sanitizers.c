/* Defaults of the sanitizers, linked into every test program. libconfig 1.5 loses the text of
 * a string when the file ends inside it, Criterion some of its own at the end: no leaks of ours.
 * A request for too much memory must be answered with NULL, as without a sanitizer. */
const char *__asan_default_options(void);
const char *__lsan_default_suppressions(void);

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *__lsan_default_suppressions(void)
{
    return "leak:libconfig\nleak:libcriterion\n";
}
