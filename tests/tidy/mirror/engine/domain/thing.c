int thing_run(void);
