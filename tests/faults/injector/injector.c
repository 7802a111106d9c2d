/* Makes the system refuse a file operation: the n-th of some kind on some file, with some error.
 *
 * Loaded with LD_PRELOAD and steered from within the process (tests/faults/injector.py): a sweep
 * over every n runs in one process. Files are known by their path, matched with fnmatch(3).
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    OPEN = 1, WRITE = 2, SYNC = 4, TRUNCATE = 8, RENAME = 16, UNLINK = 32, MAKE = 64, READ = 128
};

static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static char pattern[PATH_MAX];
static int kinds, left, times, code, is_short, fired;

/* From the nth matching call on (1 is the next), `times_` calls fail with `code_` (0: all). With
 * `short_`, the first of them, if a write, writes half of what it was given and says so. */
void outpost_fault(const char *pattern_, int kinds_, int nth_, int times_, int code_, int short_) {
    pthread_mutex_lock(&order);
    snprintf(pattern, sizeof pattern, "%s", pattern_);
    left = nth_;
    times = times_ > 0 ? times_ : -1;
    code = code_;
    is_short = short_;
    fired = 0;
    kinds = kinds_;
    pthread_mutex_unlock(&order);
}

/* Nothing fails any more; returns how many calls did. */
int outpost_no_fault(void) {
    pthread_mutex_lock(&order);
    kinds = 0;
    int result = fired;
    pthread_mutex_unlock(&order);
    return result;
}

/* 0: go on; 1: fail with errno; 2: write half. */
static int judge(int kind, const char *path) {
    int verdict = 0;
    if (!(kinds & kind)) return 0;
    pthread_mutex_lock(&order);
    if ((kinds & kind) && times != 0 && fnmatch(pattern, path, 0) == 0 && --left <= 0) {
        verdict = is_short && kind == WRITE ? 2 : 1;
        is_short = 0;
        if (times > 0) times--;
        fired++;
    }
    pthread_mutex_unlock(&order);
    if (verdict == 1) errno = code;
    return verdict;
}

static int judge_fd(int kind, int fd) {
    char link[64], path[PATH_MAX];
    if (!(kinds & kind)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size <= 0) return 0;
    path[size] = 0;
    return judge(kind, path);
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { \
        va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); \
    }

#define OPENS(name) \
    int name(const char *path, int flags, ...) { \
        MODE(flags) \
        if (judge(OPEN, path)) return -1; \
        return NEXT(name)(path, flags, mode); \
    }
OPENS(open)
OPENS(open64)

#define OPENS_AT(name) \
    int name(int at, const char *path, int flags, ...) { \
        MODE(flags) \
        if (judge(OPEN, path)) return -1; \
        return NEXT(name)(at, path, flags, mode); \
    }
OPENS_AT(openat)
OPENS_AT(openat64)

ssize_t read(int fd, void *data, size_t size) {
    return judge_fd(READ, fd) ? -1 : NEXT(read)(fd, data, size);
}

#define READS_AT(name, offset_type) \
    ssize_t name(int fd, void *data, size_t size, offset_type at) { \
        return judge_fd(READ, fd) ? -1 : NEXT(name)(fd, data, size, at); \
    }
READS_AT(pread, off_t)
READS_AT(pread64, off64_t)

DIR *opendir(const char *path) { return judge(READ, path) ? NULL : NEXT(opendir)(path); }

ssize_t write(int fd, const void *data, size_t size) {
    int verdict = judge_fd(WRITE, fd);
    if (verdict == 1) return -1;
    return NEXT(write)(fd, data, verdict == 2 && size > 1 ? size / 2 : size);
}

#define WRITES_AT(name, offset_type) \
    ssize_t name(int fd, const void *data, size_t size, offset_type at) { \
        int verdict = judge_fd(WRITE, fd); \
        if (verdict == 1) return -1; \
        return NEXT(name)(fd, data, verdict == 2 && size > 1 ? size / 2 : size, at); \
    }
WRITES_AT(pwrite, off_t)
WRITES_AT(pwrite64, off64_t)

ssize_t writev(int fd, const struct iovec *parts, int count) {
    int verdict = judge_fd(WRITE, fd);
    if (verdict == 1) return -1;
    return NEXT(writev)(fd, parts, verdict == 2 && count > 1 ? count / 2 : count);
}

int fsync(int fd) { return judge_fd(SYNC, fd) ? -1 : NEXT(fsync)(fd); }
int fdatasync(int fd) { return judge_fd(SYNC, fd) ? -1 : NEXT(fdatasync)(fd); }

#define TRUNCATES(name, size_type) \
    int name(int fd, size_type size) { \
        return judge_fd(TRUNCATE, fd) ? -1 : NEXT(name)(fd, size); \
    }
TRUNCATES(ftruncate, off_t)
TRUNCATES(ftruncate64, off64_t)

#define ALLOCATES(name, offset_type) \
    int name(int fd, offset_type at, offset_type size) { \
        return judge_fd(TRUNCATE, fd) ? errno : NEXT(name)(fd, at, size); \
    }
ALLOCATES(posix_fallocate, off_t)
ALLOCATES(posix_fallocate64, off64_t)

int rename(const char *from, const char *to) {
    return judge(RENAME, to) ? -1 : NEXT(rename)(from, to);
}
int renameat(int at, const char *from, int beside, const char *to) {
    return judge(RENAME, to) ? -1 : NEXT(renameat)(at, from, beside, to);
}
int link(const char *from, const char *to) {
    return judge(RENAME, to) ? -1 : NEXT(link)(from, to);
}
int linkat(int at, const char *from, int beside, const char *to, int flags) {
    return judge(RENAME, to) ? -1 : NEXT(linkat)(at, from, beside, to, flags);
}
int unlink(const char *path) { return judge(UNLINK, path) ? -1 : NEXT(unlink)(path); }
int unlinkat(int at, const char *path, int flags) {
    return judge(UNLINK, path) ? -1 : NEXT(unlinkat)(at, path, flags);
}
int mkdir(const char *path, mode_t mode) { return judge(MAKE, path) ? -1 : NEXT(mkdir)(path, mode); }
