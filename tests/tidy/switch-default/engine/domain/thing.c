int thing_run(enum thing_kind kind)
{
    switch (kind) {
    case THING_ONE: return 1;
    default: return 2;
    }
}
