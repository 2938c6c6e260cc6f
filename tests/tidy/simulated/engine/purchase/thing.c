long thing_run(void)
{
    return clock_mono_us();
}
