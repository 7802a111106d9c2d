/* Writes down everything a process does to the files below one directory.
 *
 * Loaded with LD_PRELOAD. What reaches the disk only after an fsync is lost by a power cut, so the
 * log tells writes, changes of names and the begin and end of each fsync, in an order that no other
 * process or thread could contradict:
 *   - a change is logged after it was made and before the caller goes on;
 *   - the begin of an fsync is logged before it, its end after it. A change that is logged after
 *     the begin is taken as not covered, even if it was: the safe side.
 *
 * OUTPOST_RECORD_ROOT    directory to watch (a real path without symbolic links)
 * OUTPOST_RECORD_LOG     file to append to, outside of it
 * OUTPOST_RECORD_SYNC_US microseconds each fsync takes longer, so that threads overlap as on a disk
 * OUTPOST_RECORD_KILL    after so many records this process kills itself, as the kernel may do it
 * OUTPOST_RECORD_FAIL    CALL:END:ERRNO:N, CALL write or sync: each Nth one to a file whose name ends
 *                        in END fails with ERRNO and does nothing
 *
 * Writes to <root>/acks are notes of the application and no part of the disk. Files whose names end
 * in -shm are shared memory and rebuilt after a power cut: not recorded. What could change a file
 * without being seen (a shared writable mapping, an unusual fallocate) is logged as a fault of the
 * recording. Every call goes to the kernel by its number, so nothing here depends on the order of
 * libraries. Layout of a record: see tests/crash/operations.py.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind {
    CREATE = 1, WRITE, TRUNCATE, ALLOCATE, SYNC_BEGIN, SYNC_END,
    RENAME, LINK, UNLINK, MAKE_DIRECTORY, REMOVE_DIRECTORY, NOTE, FAULT,
};
enum { SYNCHRONOUS = 1 };

struct __attribute__((packed)) head {
    uint32_t size;
    uint8_t kind, flags;
    uint16_t path_size, other_size;
    int32_t thread;
    int64_t inode, offset, length;
};

#define LOG_FD 900

static int log_fd = -1;
static char root[PATH_MAX];
static size_t root_size;
static long sync_us;
static int lives = -1;
static char failing_call[16], failing_end[64];
static int failing_errno, failing_every, failing_count;
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;

static void lock(void) { pthread_mutex_lock(&order); }
static void unlock(void) { pthread_mutex_unlock(&order); }
/* What shall befall this process; a fork may have been given other conditions than its parent. */
static void read_conditions(void) {
    const char *after = getenv("OUTPOST_RECORD_KILL"), *fail = getenv("OUTPOST_RECORD_FAIL");
    lives = after ? atoi(after) : -1;
    failing_count = failing_every = 0;
    failing_call[0] = 0;
    if (fail && sscanf(fail, "%15[^:]:%63[^:]:%d:%d", failing_call, failing_end, &failing_errno,
                       &failing_every) != 4) {
        fprintf(stderr, "recorder: what is to fail? %s\n", fail);
        abort();
    }
}

static void before_fork(void) { lock(); }
static void after_fork(void) { unlock(); }
static void in_child(void) { unlock(); read_conditions(); }

__attribute__((constructor)) static void start(void) {
    const char *where = getenv("OUTPOST_RECORD_ROOT"), *log = getenv("OUTPOST_RECORD_LOG");
    const char *us = getenv("OUTPOST_RECORD_SYNC_US");
    if (!where || !log || strlen(where) >= sizeof root) return;
    strcpy(root, where);
    root_size = strlen(root);
    sync_us = us ? atol(us) : 0;
    read_conditions();
    int fd = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) { fprintf(stderr, "recorder: cannot open %s\n", log); abort(); }
    log_fd = syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, LOG_FD);
    if (log_fd < 0) log_fd = fd; else syscall(SYS_close, fd);
    pthread_atfork(before_fork, after_fork, in_child);
}

/* One writev on an O_APPEND file: records of several processes never mix. */
static void record(enum kind kind, int flags, int64_t inode, int64_t offset, int64_t length,
                   const char *path, const char *other, const struct iovec *data, int pieces,
                   size_t data_size) {
    struct head head = {
        .kind = kind, .flags = flags, .thread = (int32_t)syscall(SYS_gettid), .inode = inode,
        .offset = offset, .length = length, .path_size = path ? strlen(path) : 0,
        .other_size = other ? strlen(other) : 0,
    };
    head.size = sizeof head + head.path_size + head.other_size + data_size;
    struct iovec parts[3 + IOV_MAX];
    parts[0] = (struct iovec){&head, sizeof head};
    parts[1] = (struct iovec){(void *)path, head.path_size};
    parts[2] = (struct iovec){(void *)other, head.other_size};
    int count = 3;
    size_t left = data_size;
    for (int i = 0; i < pieces && left && count < IOV_MAX; i++) {
        size_t size = data[i].iov_len < left ? data[i].iov_len : left;
        parts[count++] = (struct iovec){data[i].iov_base, size};
        left -= size;
    }
    if (syscall(SYS_writev, log_fd, parts, count) != (long)head.size) {
        fprintf(stderr, "recorder: the log cannot be written\n");
        abort();
    }
    if (lives > 0 && --lives == 0) kill(getpid(), SIGKILL);
}

static void fault(const char *what, const char *path) {
    record(FAULT, 0, 0, 0, 0, path, what, NULL, 0, 0);
}

static int ends_with(const char *text, const char *end) {
    size_t a = strlen(text), b = strlen(end);
    return a >= b && !strcmp(text + a - b, end);
}

static int is_volatile(const char *path) {
    return ends_with(path, "-shm") || ends_with(path, "-shm (deleted)");
}

/* Whether the path is watched; makes it relative to the root ("" is the root itself). */
static int below_root(char *path) {
    if (strncmp(path, root, root_size) || (path[root_size] && path[root_size] != '/')) return 0;
    memmove(path, path + root_size + (path[root_size] == '/'),
            strlen(path) - root_size + (path[root_size] != '/'));
    return 1;
}

static int path_of_fd(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long size = syscall(SYS_readlinkat, AT_FDCWD, link, path, (size_t)PATH_MAX - 1);
    if (size < 0) return 0;
    path[size] = 0;
    return 1;
}

/* Absolute path with its directory resolved, below the root and durable; the last part as given. */
static int watched(int directory, const char *given, char *path) {
    char whole[PATH_MAX * 2], folder[PATH_MAX];
    int saved = errno;
    if (log_fd < 0 || !given) return 0;
    if (given[0] == '/') {
        snprintf(whole, sizeof whole, "%s", given);
    } else {
        char base[PATH_MAX];
        if (directory == AT_FDCWD) {
            if (!getcwd(base, sizeof base)) return 0;
        } else if (!path_of_fd(directory, base)) {
            return 0;
        }
        snprintf(whole, sizeof whole, "%s/%s", base, given);
    }
    char *last = strrchr(whole, '/');
    *last = 0;
    int found = realpath(whole[0] ? whole : "/", folder) != NULL;
    errno = saved;
    if (!found || strlen(folder) + strlen(last + 1) + 2 > PATH_MAX) return 0;
    sprintf(path, "%s/%s", strcmp(folder, "/") ? folder : "", last + 1);
    return below_root(path) && !is_volatile(path) && strcmp(path, "acks");
}

/* Whether this call is one of those that are to fail. */
static int fails(const char *call, const char *path) {
    if (!failing_every || strcmp(call, failing_call) || !ends_with(path, failing_end)) return 0;
    return __sync_add_and_fetch(&failing_count, 1) % failing_every == 0;
}

/* 1: a watched file, 2: the file of notes, 0: none of our business. */
static int watched_fd(int fd, char *path) {
    int saved = errno;
    if (log_fd < 0 || !path_of_fd(fd, path)) { errno = saved; return 0; }
    errno = saved;
    if (!below_root(path) || is_volatile(path)) return 0;
    return strcmp(path, "acks") ? 1 : 2;
}

static int64_t inode_of(int fd) {
    struct stat status;
    return fstat(fd, &status) ? -1 : (int64_t)status.st_ino;
}

static int64_t inode_at(int directory, const char *path) {
    struct stat status;
    int saved = errno;
    int64_t inode = fstatat(directory, path, &status, AT_SYMLINK_NOFOLLOW) ? -1
                                                                          : (int64_t)status.st_ino;
    errno = saved;
    return inode;
}

/* --- opening -------------------------------------------------------------------------------- */

static int open_at(int directory, const char *given, int flags, mode_t mode) {
    char path[PATH_MAX];
    if (!(flags & (O_CREAT | O_TRUNC)) || !watched(directory, given, path))
        return syscall(SYS_openat, directory, given, flags, mode);
    lock();
    int is_new = inode_at(directory, given) < 0;
    int fd = syscall(SYS_openat, directory, given, flags, mode);
    if (fd >= 0) {
        if ((flags & O_TMPFILE) == O_TMPFILE) fault("a file without a name", path);
        else if (is_new) record(CREATE, 0, inode_of(fd), 0, 0, path, NULL, NULL, 0, 0);
        else if (flags & O_TRUNC) record(TRUNCATE, 0, inode_of(fd), 0, 0, path, NULL, NULL, 0, 0);
    }
    unlock();
    return fd;
}

#define MODE_OF(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { \
        va_list list; va_start(list, flags); mode = va_arg(list, mode_t); va_end(list); \
    }

int open(const char *path, int flags, ...) { MODE_OF(flags) return open_at(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE_OF(flags) return open_at(AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE_OF(flags) return open_at(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE_OF(flags) return open_at(at, path, flags, mode); }
int __open_2(const char *path, int flags) { return open_at(AT_FDCWD, path, flags, 0); }
int __open64_2(const char *path, int flags) { return open_at(AT_FDCWD, path, flags, 0); }
int __openat_2(int at, const char *path, int flags) { return open_at(at, path, flags, 0); }
int __openat64_2(int at, const char *path, int flags) { return open_at(at, path, flags, 0); }
int creat(const char *path, mode_t mode) { return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }

/* --- contents ------------------------------------------------------------------------------- */

static void written(int what, int fd, const char *path, const struct iovec *data, int pieces,
                    int64_t offset, ssize_t size, int synchronous) {
    if (what == 2) record(NOTE, 0, 0, 0, size, NULL, NULL, data, pieces, size);
    else record(WRITE, synchronous ? SYNCHRONOUS : 0, inode_of(fd), offset, size, path, NULL, data,
                pieces, size);
}

static ssize_t write_pieces(int fd, const struct iovec *data, int pieces, int64_t at, int rwf) {
    char path[PATH_MAX];
    int what = watched_fd(fd, path);
    if (what == 1 && fails("write", path)) { errno = failing_errno; return -1; }
    if (what) lock();
    ssize_t size = at >= 0 ? syscall(SYS_pwritev2, fd, data, pieces, (long)at, 0L, rwf)
                           : syscall(SYS_writev, fd, data, pieces);
    if (what) {
        if (size > 0) {
            int saved = errno, flags = syscall(SYS_fcntl, fd, F_GETFL);
            /* An appending file is written at its end, whatever offset was asked for. */
            int64_t offset = at;
            if (flags & O_APPEND) {
                struct stat status;
                fstat(fd, &status);
                offset = status.st_size - size;
            } else if (at < 0) {
                offset = syscall(SYS_lseek, fd, 0L, SEEK_CUR) - size;
            }
            written(what, fd, path, data, pieces, offset, size,
                    (flags & O_DSYNC) || (rwf & (RWF_DSYNC | RWF_SYNC)));
            errno = saved;
        }
        unlock();
    }
    return size;
}

ssize_t write(int fd, const void *data, size_t size) {
    struct iovec one = {(void *)data, size};
    char path[PATH_MAX];
    if (!watched_fd(fd, path)) return syscall(SYS_write, fd, data, size);
    return write_pieces(fd, &one, 1, -1, 0);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
    struct iovec one = {(void *)data, size};
    return write_pieces(fd, &one, 1, offset, 0);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
    return pwrite(fd, data, size, offset);
}
ssize_t writev(int fd, const struct iovec *data, int count) {
    return write_pieces(fd, data, count, -1, 0);
}
ssize_t pwritev(int fd, const struct iovec *data, int count, off_t offset) {
    return write_pieces(fd, data, count, offset, 0);
}
ssize_t pwritev64(int fd, const struct iovec *data, int count, off64_t offset) {
    return write_pieces(fd, data, count, offset, 0);
}
ssize_t pwritev2(int fd, const struct iovec *data, int count, off_t offset, int flags) {
    if (offset < 0) fault("pwritev2 at the current position", "");
    return write_pieces(fd, data, count, offset, flags);
}
ssize_t pwritev64v2(int fd, const struct iovec *data, int count, off64_t offset, int flags) {
    return pwritev2(fd, data, count, offset, flags);
}

/* What the kernel copied by itself is read back for the log. */
static void copied(int fd, const char *path, int64_t offset, ssize_t size) {
    char link[64], *data = malloc(size);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int reader = syscall(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC);
    if (!data || reader < 0 || syscall(SYS_pread64, reader, data, size, offset) != size) {
        fault("a copy that cannot be read back", path);
    } else {
        struct iovec one = {data, size};
        written(1, fd, path, &one, 1, offset, size, 0);
    }
    if (reader >= 0) syscall(SYS_close, reader);
    free(data);
}

ssize_t sendfile(int out, int in, off_t *offset, size_t count) {
    char path[PATH_MAX];
    int what = watched_fd(out, path);
    if (what) lock();
    ssize_t size = syscall(SYS_sendfile, out, in, offset, count);
    if (what) {
        if (size > 0) copied(out, path, syscall(SYS_lseek, out, 0L, SEEK_CUR) - size, size);
        unlock();
    }
    return size;
}
ssize_t sendfile64(int out, int in, off64_t *offset, size_t count) { return sendfile(out, in, offset, count); }

ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t count, unsigned flags) {
    char path[PATH_MAX];
    int what = watched_fd(out, path);
    if (what) lock();
    ssize_t size = syscall(SYS_copy_file_range, in, from, out, to, count, flags);
    if (what) {
        if (size > 0)
            copied(out, path, (to ? *to : syscall(SYS_lseek, out, 0L, SEEK_CUR)) - size, size);
        unlock();
    }
    return size;
}

int ftruncate(int fd, off_t length) {
    char path[PATH_MAX];
    int what = watched_fd(fd, path);
    if (what) lock();
    int result = syscall(SYS_ftruncate, fd, length);
    if (what) {
        if (!result) record(TRUNCATE, 0, inode_of(fd), 0, length, path, NULL, NULL, 0, 0);
        unlock();
    }
    return result;
}
int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

int truncate(const char *given, off_t length) {
    int fd = syscall(SYS_openat, AT_FDCWD, given, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    int result = ftruncate(fd, length);
    syscall(SYS_close, fd);
    return result;
}
int truncate64(const char *given, off64_t length) { return truncate(given, length); }

int fallocate(int fd, int mode, off_t offset, off_t length) {
    char path[PATH_MAX];
    int what = watched_fd(fd, path);
    if (what) lock();
    int result = syscall(SYS_fallocate, fd, mode, offset, length);
    if (what) {
        if (!result && mode == 0)
            record(ALLOCATE, 0, inode_of(fd), offset, length, path, NULL, NULL, 0, 0);
        else if (!result && mode != FALLOC_FL_KEEP_SIZE)
            fault("an unusual fallocate", path);
        unlock();
    }
    return result;
}
int fallocate64(int fd, int mode, off64_t offset, off64_t length) { return fallocate(fd, mode, offset, length); }
int posix_fallocate(int fd, off_t offset, off_t length) {
    int saved = errno, result = fallocate(fd, 0, offset, length) ? errno : 0;
    errno = saved;
    return result;
}
int posix_fallocate64(int fd, off64_t offset, off64_t length) { return posix_fallocate(fd, offset, length); }

static void *map(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
    char path[PATH_MAX];
    if (fd >= 0 && (flags & MAP_TYPE) != MAP_PRIVATE && (protection & PROT_WRITE) &&
        watched_fd(fd, path) == 1) {
        lock();
        fault("a shared writable mapping", path);
        unlock();
    }
    return (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset);
}
void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
    return map(address, length, protection, flags, fd, offset);
}
void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t offset) {
    return map(address, length, protection, flags, fd, offset);
}

/* --- durability ------------------------------------------------------------------------------ */

static int sync_fd(int fd, long number) {
    char path[PATH_MAX];
    if (watched_fd(fd, path) != 1) return syscall(number, fd);
    int64_t inode = inode_of(fd);
    lock();
    record(SYNC_BEGIN, 0, inode, 0, 0, path, NULL, NULL, 0, 0);
    unlock();
    int result = fails("sync", path) ? (errno = failing_errno, -1) : syscall(number, fd);
    int saved = errno;
    if (sync_us) usleep(sync_us);
    lock();
    record(SYNC_END, 0, inode, 0, result, path, NULL, NULL, 0, 0);
    unlock();
    errno = saved;
    return result;
}
int fsync(int fd) { return sync_fd(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_fd(fd, SYS_fdatasync); }
/* Starts writing and promises nothing: no power-safe program may rely on it, so nothing is noted. */
int sync_file_range(int fd, off64_t offset, off64_t size, unsigned flags) {
    return syscall(SYS_sync_file_range, fd, offset, size, flags);
}

/* --- names ------------------------------------------------------------------------------------ */

static int rename_at(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
    char old[PATH_MAX], new[PATH_MAX];
    int is_old = watched(from_at, from, old), is_new = watched(to_at, to, new);
    if (!is_old && !is_new) return syscall(SYS_renameat2, from_at, from, to_at, to, flags);
    lock();
    int64_t inode = inode_at(from_at, from);
    int result = syscall(SYS_renameat2, from_at, from, to_at, to, flags);
    if (!result) {
        if (is_old != is_new || (flags & ~RENAME_NOREPLACE))
            fault("a rename across the border, or an exchange", is_old ? old : new);
        else record(RENAME, 0, inode, 0, 0, old, new, NULL, 0, 0);
    }
    unlock();
    return result;
}
int rename(const char *from, const char *to) { return rename_at(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int from_at, const char *from, int to_at, const char *to) { return rename_at(from_at, from, to_at, to, 0); }
int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
    return rename_at(from_at, from, to_at, to, flags);
}

int linkat(int from_at, const char *from, int to_at, const char *to, int flags) {
    char old[PATH_MAX], new[PATH_MAX];
    int is_old = watched(from_at, from, old), is_new = watched(to_at, to, new);
    if (is_new) lock();
    int result = syscall(SYS_linkat, from_at, from, to_at, to, flags);
    if (is_new) {
        if (!result && !is_old) fault("a link to a file that is not watched", new);
        else if (!result) record(LINK, 0, inode_at(to_at, to), 0, 0, old, new, NULL, 0, 0);
        unlock();
    }
    return result;
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int symlinkat(const char *target, int at, const char *given) {
    char path[PATH_MAX];
    int is_watched = watched(at, given, path), result = syscall(SYS_symlinkat, target, at, given);
    if (is_watched && !result) { lock(); fault("a symbolic link", path); unlock(); }
    return result;
}
int symlink(const char *target, const char *given) { return symlinkat(target, AT_FDCWD, given); }

int unlinkat(int at, const char *given, int flags) {
    char path[PATH_MAX];
    int is_watched = watched(at, given, path);
    if (is_watched) lock();
    int64_t inode = is_watched ? inode_at(at, given) : 0;
    int result = syscall(SYS_unlinkat, at, given, flags);
    if (is_watched) {
        if (!result)
            record(flags & AT_REMOVEDIR ? REMOVE_DIRECTORY : UNLINK, 0, inode, 0, 0, path, NULL,
                   NULL, 0, 0);
        unlock();
    }
    return result;
}
int unlink(const char *given) { return unlinkat(AT_FDCWD, given, 0); }
int rmdir(const char *given) { return unlinkat(AT_FDCWD, given, AT_REMOVEDIR); }
int remove(const char *given) {
    int result = unlink(given);
    return result && errno == EISDIR ? rmdir(given) : result;
}

int mkdirat(int at, const char *given, mode_t mode) {
    char path[PATH_MAX];
    int is_watched = watched(at, given, path);
    if (is_watched) lock();
    int result = syscall(SYS_mkdirat, at, given, mode);
    if (is_watched) {
        if (!result)
            record(MAKE_DIRECTORY, 0, inode_at(at, given), 0, 0, path, NULL, NULL, 0, 0);
        unlock();
    }
    return result;
}
int mkdir(const char *given, mode_t mode) { return mkdirat(AT_FDCWD, given, mode); }
