/* FIXME: later */
int thing_run(void);
