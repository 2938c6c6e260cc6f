int thing_test(void);
