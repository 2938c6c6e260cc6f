/* long long long long long long long long long long long long long long long long long long long long long */
int thing_run(void);
