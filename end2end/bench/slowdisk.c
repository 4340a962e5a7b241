/* Makes every fsync and fdatasync take at least SLOWDISK_MICROS microseconds: what a disk that really writes costs.
 * Preloaded into the programs under measurement; a virtual disk that answers in 50 microseconds hides what group commit
 * is for. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void wait_out(void) {
    static long micros = -1;
    if (micros < 0) {
        const char *text = getenv("SLOWDISK_MICROS");
        micros = text ? atol(text) : 1000;
    }
    struct timespec span = {micros / 1000000, (micros % 1000000) * 1000};
    nanosleep(&span, NULL);
}

int fsync(int fd) {
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    wait_out();
    return real(fd);
}

int fdatasync(int fd) {
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    wait_out();
    return real(fd);
}
