/* A user database that is stuck for as long as the file RETROCALL_TEST_STUCK exists: loaded before the C library (LD_PRELOAD). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

int getpwuid_r(uid_t uid, struct passwd *entry, char *buffer, size_t bytes, struct passwd **found)
{
    int (*real)(uid_t, struct passwd *, char *, size_t, struct passwd **) = dlsym(RTLD_NEXT, "getpwuid_r");
    const char *stuck = getenv("RETROCALL_TEST_STUCK");
    while (stuck && access(stuck, F_OK) == 0)
        usleep(10000);
    return real(uid, entry, buffer, bytes, found);
}
