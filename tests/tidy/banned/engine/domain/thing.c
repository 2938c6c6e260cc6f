int thing_run(char *to, const char *from)
{
    strcpy(to, from);
    return 0;
}
