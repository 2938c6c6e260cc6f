#include "audit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum { LINE_SIZE = 1024, SIGNALLED = 128 };

/* All of it is read, so that the command never waits for us. */
static void read_text(FILE *pipe, char text[AUDIT_TEXT_SIZE])
{
    char line[LINE_SIZE];
    size_t used = 0;
    bool full = false;

    while (fgets(line, sizeof line, pipe)) {
        const size_t size = strlen(line);
        fputs(line, stdout);
        full = full || used + size >= AUDIT_TEXT_SIZE;
        if (!full) {
            memcpy(text + used, line, size + 1);
            used += size;
        }
    }
}

void audit_run(const char *command, struct audit *ret_audit)
{
    *ret_audit = (struct audit){.asked = command != NULL, .status = -1};
    if (!command) {
        return;
    }
    fflush(stdout);
    FILE *pipe = popen(command, "r");
    if (!pipe) {
        fprintf(stderr, "seckill-bench: --audit: %s\n", strerror(errno));
        return;
    }
    read_text(pipe, ret_audit->text);
    const int status = pclose(pipe);
    if (status >= 0) {
        ret_audit->status = WIFEXITED(status) ? WEXITSTATUS(status) : SIGNALLED + WTERMSIG(status);
    }
    ret_audit->holds = ret_audit->status == 0;
}
