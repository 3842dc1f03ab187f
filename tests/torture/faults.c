/*
 * Lets calls fail that change files below a folder. Preloaded (LD_PRELOAD) into a process, which
 * says through the functions at the end what is to fail; until then nothing is different.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { OPEN, WRITE, SYNC, RENAME, MKDIR, REMOVE, CHANGE, KINDS, ANY = KINDS };

static char watched[PATH_MAX];    /* nothing is counted while this is empty */
static char kept[PATH_MAX];       /* takes a link to everything that is renamed, if not empty */
static char first_hit[PATH_MAX];  /* the file of the first call that failed */
static atomic_int counts[KINDS + 1];
static atomic_int hits;
static int fault_kind = -1, fault_number, fault_errno, fault_lasts;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int is_watched(const char *path) {
    size_t length = strlen(watched);
    return length && !strncmp(path, watched, length) && (path[length] == '/' || !path[length]);
}

/* The path of a call: absolute, or relative to a folder that is open or the working directory. */
static void resolve(int folder, const char *path, char *out) {
    char link[64];
    ssize_t length = 0;
    out[0] = 0;
    if (path[0] != '/') {
        if (folder == AT_FDCWD)
            snprintf(link, sizeof link, "/proc/self/cwd");
        else
            snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        length = readlink(link, out, PATH_MAX - 1);
        if (length < 0) length = 0;
        if (path[0] && length < PATH_MAX - 1) out[length++] = '/';
    }
    snprintf(out + length, PATH_MAX - length, "%s", path);
}

/* Whether this call is to fail: 0 no, 1 yes with errno set, -1 it is the last one of the process. */
static int decide(enum kind kind, int folder, const char *path) {
    char full[PATH_MAX];
    int before = errno, number, any, chosen;
    if (!watched[0]) return 0;
    resolve(folder, path, full);
    errno = before;
    if (!is_watched(full)) return 0;
    number = ++counts[kind];
    any = ++counts[ANY];
    if (fault_kind != (int)kind && fault_kind != ANY) return 0;
    chosen = fault_kind == ANY ? any : number;
    if (chosen != fault_number && !(fault_lasts && chosen > fault_number)) return 0;
    if (!hits++) snprintf(first_hit, sizeof first_hit, "%s", full);
    if (!fault_errno) return -1;
    errno = fault_errno;
    return 1;
}

#define GUARDED(kind, folder, path, call)        \
    do {                                         \
        int decision = decide(kind, folder, path); \
        if (decision > 0) return -1;             \
        __typeof__(call) result = (call);        \
        if (decision < 0) kill(getpid(), SIGKILL); \
        return result;                           \
    } while (0)

#define OPENS(name, folder, path, forward)                             \
    va_list rest;                                                      \
    va_start(rest, flags);                                             \
    mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                                      \
    if (!(flags & (O_CREAT | O_WRONLY | O_RDWR))) return forward;      \
    GUARDED(OPEN, folder, path, forward)

int open(const char *path, int flags, ...) {
    OPENS(open, AT_FDCWD, path, REAL(open)(path, flags, mode));
}
int open64(const char *path, int flags, ...) {
    OPENS(open64, AT_FDCWD, path, REAL(open64)(path, flags, mode));
}
int openat(int folder, const char *path, int flags, ...) {
    OPENS(openat, folder, path, REAL(openat)(folder, path, flags, mode));
}
int openat64(int folder, const char *path, int flags, ...) {
    OPENS(openat64, folder, path, REAL(openat64)(folder, path, flags, mode));
}

ssize_t write(int fd, const void *data, size_t size) {
    GUARDED(WRITE, fd, "", REAL(write)(fd, data, size));
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
    GUARDED(WRITE, fd, "", REAL(writev)(fd, parts, count));
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    GUARDED(WRITE, fd, "", REAL(pwrite)(fd, data, size, at));
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    GUARDED(WRITE, fd, "", REAL(pwrite64)(fd, data, size, at));
}
ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t size, unsigned flags) {
    GUARDED(WRITE, out, "", REAL(copy_file_range)(in, from, out, to, size, flags));
}
ssize_t sendfile(int out, int in, off_t *from, size_t size);
ssize_t sendfile(int out, int in, off_t *from, size_t size) {
    GUARDED(WRITE, out, "", REAL(sendfile)(out, in, from, size));
}
ssize_t sendfile64(int out, int in, off64_t *from, size_t size);
ssize_t sendfile64(int out, int in, off64_t *from, size_t size) {
    GUARDED(WRITE, out, "", REAL(sendfile64)(out, in, from, size));
}

int fsync(int fd) { GUARDED(SYNC, fd, "", REAL(fsync)(fd)); }
int fdatasync(int fd) { GUARDED(SYNC, fd, "", REAL(fdatasync)(fd)); }

static int renamed(int result, const char *path) {
    static atomic_int number;
    char name[PATH_MAX + 16];
    if (!result && kept[0] && is_watched(path)) {
        snprintf(name, sizeof name, "%s/%d", kept, ++number);
        if (link(path, name)) return result; /* a folder */
    }
    return result;
}
int rename(const char *from, const char *to) {
    GUARDED(RENAME, AT_FDCWD, to, renamed(REAL(rename)(from, to), to));
}
int renameat(int from_folder, const char *from, int folder, const char *to) {
    GUARDED(RENAME, folder, to, REAL(renameat)(from_folder, from, folder, to));
}

int mkdirat(int folder, const char *path, mode_t mode) {
    /* Making sure that a folder is there changes nothing. */
    if (!faccessat(folder, path, F_OK, 0)) return REAL(mkdirat)(folder, path, mode);
    GUARDED(MKDIR, folder, path, REAL(mkdirat)(folder, path, mode));
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

int unlink(const char *path) { GUARDED(REMOVE, AT_FDCWD, path, REAL(unlink)(path)); }
int rmdir(const char *path) { GUARDED(REMOVE, AT_FDCWD, path, REAL(rmdir)(path)); }
int unlinkat(int folder, const char *path, int flags) {
    GUARDED(REMOVE, folder, path, REAL(unlinkat)(folder, path, flags));
}

int ftruncate(int fd, off_t size) { GUARDED(CHANGE, fd, "", REAL(ftruncate)(fd, size)); }
int ftruncate64(int fd, off64_t size) { GUARDED(CHANGE, fd, "", REAL(ftruncate64)(fd, size)); }
int fchmod(int fd, mode_t mode) { GUARDED(CHANGE, fd, "", REAL(fchmod)(fd, mode)); }

/* Count calls below a folder from now on; an empty name ends it. */
void faults_watch(const char *folder) { snprintf(watched, sizeof watched, "%s", folder); }

/* Link everything that is renamed into another folder, so that no version of a file is lost. */
void faults_keep(const char *folder) { snprintf(kept, sizeof kept, "%s", folder); }

/* Let the n-th call of a kind fail, and if it lasts all later ones; errno 0 kills after the call. */
void faults_inject(int kind, int number, int error, int lasts) {
    fault_number = number;
    fault_errno = error;
    fault_lasts = lasts;
    fault_kind = kind;
}

int faults_count(int kind) { return counts[kind]; }

const char *faults_hit(void) { return first_hit; }
