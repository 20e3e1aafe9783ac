// Stands between a program and the C library for the files beneath one folder. It records what is
// written, synced, renamed and removed, in one order, and can make one of these calls fail.
// Loaded with LD_PRELOAD by the crash image and disk fault tests; never part of the broker.
//
//   MQ9_SHIM_ROOT   the folder; calls on other files pass untouched
//   MQ9_SHIM_TRACE  where the record goes: see src/trace.ts for its form
//   MQ9_SHIM_MARKS  a file whose writes are recorded as marks of the program itself
//   MQ9_SHIM_SYNC   real (default); skip: recorded, not done; off: neither, as if nobody ever synced
//   MQ9_SHIM_FAULT  "<write|sync> <k> <errno> <once|on|short>": the k-th such call fails
//   MQ9_SHIM_ARM    calls are counted from when this file exists
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define FDS 4096
#define STREAMS 256
#define REAL(name, type) ((type)real(#name))

enum kind { NONE, FILE_FD, FOLDER_FD, MARKS_FD };

static struct {
  enum kind kind;
  ino_t inode;
  int faulty;
} fds[FDS];
static struct {
  FILE *stream;
  int fd;
} streams[STREAMS];

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *root, *marks, *arm;
static size_t root_length;
static int trace = -1;
static enum { SYNC_REAL, SYNC_SKIP, SYNC_OFF } sync_mode;
static enum { FAULT_NONE, FAULT_WRITE, FAULT_SYNC } fault;
static enum { ONCE, ON, SHORT } fault_mode;
static long fault_at, calls;
static int fault_errno, armed;
static uint64_t next_sync;

static void *real(const char *name) {
  void *found = dlsym(RTLD_NEXT, name);
  if (found == NULL) abort();
  return found;
}

static void start(void) {
  root = getenv("MQ9_SHIM_ROOT");
  root_length = root == NULL ? 0 : strlen(root);
  marks = getenv("MQ9_SHIM_MARKS");
  arm = getenv("MQ9_SHIM_ARM");
  armed = arm == NULL;
  const char *path = getenv("MQ9_SHIM_TRACE");
  if (path != NULL) {
    trace = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (trace < 0) abort();
  }
  const char *sync = getenv("MQ9_SHIM_SYNC");
  if (sync != NULL && strcmp(sync, "skip") == 0) sync_mode = SYNC_SKIP;
  if (sync != NULL && strcmp(sync, "off") == 0) sync_mode = SYNC_OFF;
  const char *plan = getenv("MQ9_SHIM_FAULT");
  char call[16], error[16], mode[16];
  if (plan == NULL) return;
  if (sscanf(plan, "%15s %ld %15s %15s", call, &fault_at, error, mode) != 4) abort();
  fault = strcmp(call, "sync") == 0 ? FAULT_SYNC : FAULT_WRITE;
  fault_errno = strcmp(error, "ENOSPC") == 0 ? ENOSPC : strcmp(error, "EDQUOT") == 0 ? EDQUOT : EIO;
  fault_mode = strcmp(mode, "once") == 0 ? ONCE : strcmp(mode, "short") == 0 ? SHORT : ON;
}

static void lock(void) {
  pthread_once(&once, start);
  pthread_mutex_lock(&turn);
}

static void unlock(void) {
  int kept = errno;
  pthread_mutex_unlock(&turn);
  errno = kept;
}

static int is_ours(const char *path) {
  pthread_once(&once, start);
  if (root == NULL || path == NULL || strncmp(path, root, root_length) != 0) return 0;
  return path[root_length] == 0 || path[root_length] == '/';
}

static void put(const struct iovec *parts, int count) {
  for (int i = 0; i < count; i++) {
    const char *at = parts[i].iov_base;
    size_t left = parts[i].iov_len;
    while (left > 0) {
      ssize_t done = syscall(SYS_write, trace, at, left);
      if (done < 0 && errno == EINTR) continue;
      if (done <= 0) abort();
      at += done;
      left -= done;
    }
  }
}

// Call with the lock held.
static void record(char type, uint32_t fd, uint64_t number, const void *bytes, size_t length) {
  if (trace < 0) return;
  int kept = errno;
  unsigned char head[17];
  uint32_t size = length;
  head[0] = type;
  memcpy(head + 1, &fd, 4);
  memcpy(head + 5, &number, 8);
  memcpy(head + 13, &size, 4);
  struct iovec parts[] = {{head, sizeof head}, {(void *)bytes, length}};
  put(parts, 2);
  errno = kept;
}

static void record_paths(char type, const char *from, const char *to) {
  size_t a = strlen(from) + 1, b = strlen(to);
  char *both = malloc(a + b);
  memcpy(both, from, a);
  memcpy(both + a, to, b);
  record(type, 0, 0, both, a + b);
  free(both);
}

// LevelDB's LOG is text for people: a fault there would be no fault.
static int is_text(const char *path) {
  size_t length = strlen(path);
  return length >= 4 && strcmp(path + length - 4, "/LOG") == 0;
}

// Call with the lock held, after a successful open.
static void opened(int fd, const char *path, int flags) {
  struct stat found;
  if (fd < 0 || fd >= FDS || fstat(fd, &found) != 0) return;
  int writes = (flags & O_ACCMODE) != O_RDONLY;
  enum kind kind = NONE;
  if (marks != NULL && path != NULL && strcmp(path, marks) == 0) kind = MARKS_FD;
  else if (!is_ours(path)) kind = NONE;
  else if (S_ISDIR(found.st_mode)) kind = FOLDER_FD;
  else if (writes && S_ISREG(found.st_mode)) kind = FILE_FD;
  fds[fd].kind = kind;
  fds[fd].inode = found.st_ino;
  fds[fd].faulty = kind != NONE && !is_text(path);
  if (kind == FILE_FD) record('O', fd, flags, path, strlen(path));
  if (kind == FOLDER_FD) record('D', fd, 0, path, strlen(path));
}

// Whether a descriptor still is what was opened: some closes pass us by.
static enum kind kind_of(int fd) {
  struct stat found;
  if (fd < 0 || fd >= FDS || fds[fd].kind == NONE) return NONE;
  if (fstat(fd, &found) != 0 || found.st_ino != fds[fd].inode) fds[fd].kind = NONE;
  return fds[fd].kind;
}

// Counts a call. Returns 0 to go on, 1 to fail, 2 to do half of it. Call with the lock held.
static int struck(int fd, int is_sync) {
  if (fault == FAULT_NONE || (fault == FAULT_SYNC) != is_sync || !fds[fd].faulty) return 0;
  if (!armed) {
    if (syscall(SYS_faccessat, AT_FDCWD, arm, F_OK) != 0) return 0;
    armed = 1;
  }
  calls += 1;
  if (calls < fault_at) return 0;
  if (calls > fault_at && fault_mode == ONCE) return 0;
  if (calls == fault_at && fault_mode == SHORT) return 2;
  errno = fault_errno;
  return 1;
}

// One write in all its spellings; offset -1 = where the descriptor stands.
static ssize_t do_write(int fd, const struct iovec *parts, int count, off_t offset) {
  lock();
  enum kind kind = kind_of(fd);
  size_t total = 0;
  for (int i = 0; i < count; i++) total += parts[i].iov_len;
  struct iovec half = {NULL, 0};
  if (kind == FILE_FD) {
    int fate = struck(fd, 0);
    if (fate == 1) {
      unlock();
      return -1;
    }
    if (fate == 2 && count > 0) {
      half.iov_base = parts[0].iov_base;
      half.iov_len = parts[0].iov_len / 2;
      parts = &half;
      count = 1;
    }
  }
  if (kind == NONE) unlock(); // may block, as on a pipe
  ssize_t done = offset < 0 ? syscall(SYS_writev, fd, parts, count)
                            : syscall(SYS_pwritev, fd, parts, count, (long)offset, 0L);
  if (kind == NONE) return done;
  if (done > 0 && trace >= 0) {
    char *bytes = malloc(done);
    size_t at = 0;
    for (int i = 0; i < count && at < (size_t)done; i++) {
      size_t length = parts[i].iov_len;
      if (length > done - at) length = done - at;
      memcpy(bytes + at, parts[i].iov_base, length);
      at += length;
    }
    off_t start_at = offset;
    if (offset < 0) start_at = syscall(SYS_lseek, fd, 0, SEEK_CUR) - done;
    if (kind == MARKS_FD) record('A', 0, 0, bytes, done);
    else record('W', fd, start_at, bytes, done);
    free(bytes);
  }
  unlock();
  return done;
}

static int do_sync(int fd, const char *name) {
  lock();
  enum kind kind = kind_of(fd);
  if (kind == NONE || kind == MARKS_FD) {
    unlock();
    return REAL(fsync, int (*)(int))(fd);
  }
  if (kind == FILE_FD && struck(fd, 1) != 0) {
    errno = fault_errno;
    unlock();
    return -1;
  }
  if (sync_mode == SYNC_OFF) {
    unlock();
    return 0;
  }
  uint64_t number = next_sync++;
  record('S', fd, number, NULL, 0);
  unlock();
  int result = 0;
  if (sync_mode == SYNC_REAL) result = ((int (*)(int))real(name))(fd);
  lock();
  if (result == 0) record('E', fd, number, NULL, 0);
  unlock();
  return result;
}

static int do_open(const char *name, const char *path, int flags, mode_t mode) {
  pthread_once(&once, start);
  int ours = is_ours(path) || (marks != NULL && path != NULL && strcmp(path, marks) == 0);
  if (!ours) return ((int (*)(const char *, int, ...))real(name))(path, flags, mode);
  lock();
  int fd = ((int (*)(const char *, int, ...))real(name))(path, flags, mode);
  if (fd >= 0) opened(fd, path, flags);
  unlock();
  return fd;
}

#define OPEN(name)                                  \
  int name(const char *path, int flags, ...) {      \
    mode_t mode = 0;                                \
    if (flags & (O_CREAT | O_TMPFILE)) {            \
      va_list rest;                                 \
      va_start(rest, flags);                        \
      mode = va_arg(rest, mode_t);                  \
      va_end(rest);                                 \
    }                                               \
    return do_open(#name, path, flags, mode);       \
  }
OPEN(open)
OPEN(open64)

ssize_t write(int fd, const void *bytes, size_t length) {
  struct iovec part = {(void *)bytes, length};
  return do_write(fd, &part, 1, -1);
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
  return do_write(fd, parts, count, -1);
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
  struct iovec part = {(void *)bytes, length};
  return do_write(fd, &part, 1, offset);
}
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
  return pwrite(fd, bytes, length, offset);
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
  return do_write(fd, parts, count, offset);
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
  return do_write(fd, parts, count, offset);
}

int fsync(int fd) { return do_sync(fd, "fsync"); }
int fdatasync(int fd) { return do_sync(fd, "fdatasync"); }

int ftruncate(int fd, off_t length) {
  lock();
  int result = REAL(ftruncate, int (*)(int, off_t))(fd, length);
  if (result == 0 && kind_of(fd) == FILE_FD) record('T', fd, length, NULL, 0);
  unlock();
  return result;
}
int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

int rename(const char *from, const char *to) {
  lock();
  int result = REAL(rename, int (*)(const char *, const char *))(from, to);
  if (result == 0 && is_ours(to)) record_paths('R', from, to);
  unlock();
  return result;
}
int link(const char *from, const char *to) {
  lock();
  int result = REAL(link, int (*)(const char *, const char *))(from, to);
  if (result == 0 && is_ours(to)) record_paths('L', from, to);
  unlock();
  return result;
}
#define REMOVE(name)                                                          \
  int name(const char *path) {                                                \
    lock();                                                                   \
    int result = REAL(name, int (*)(const char *))(path);                     \
    if (result == 0 && is_ours(path)) record('U', 0, 0, path, strlen(path));  \
    unlock();                                                                 \
    return result;                                                            \
  }
REMOVE(unlink)
REMOVE(remove)
REMOVE(rmdir)

int mkdir(const char *path, mode_t mode) {
  lock();
  int result = REAL(mkdir, int (*)(const char *, mode_t))(path, mode);
  if (result == 0 && is_ours(path)) record('M', 0, 0, path, strlen(path));
  unlock();
  return result;
}

int close(int fd) {
  lock();
  if (fd >= 0 && fd < FDS) fds[fd].kind = NONE;
  unlock();
  return REAL(close, int (*)(int))(fd);
}

// LevelDB writes through streams, whose own writes never leave the C library: give it streams that
// come back to us.
static ssize_t stream_write(void *cookie, const char *bytes, size_t length) {
  struct iovec part = {(void *)bytes, length};
  ssize_t done = do_write((int)(intptr_t)cookie, &part, 1, -1);
  return done < 0 ? 0 : done;
}
static int stream_close(void *cookie) { return close((int)(intptr_t)cookie); }

FILE *fopen64(const char *path, const char *mode) {
  if (!is_ours(path) || (mode[0] != 'w' && mode[0] != 'a')) {
    return REAL(fopen64, FILE *(*)(const char *, const char *))(path, mode);
  }
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (mode[0] == 'w' ? O_TRUNC : O_APPEND), 0666);
  if (fd < 0) return NULL;
  cookie_io_functions_t calls_back = {NULL, stream_write, NULL, stream_close};
  FILE *stream = fopencookie((void *)(intptr_t)fd, mode, calls_back);
  if (stream == NULL) return NULL;
  lock();
  int slot = 0;
  while (slot < STREAMS && streams[slot].stream != NULL) slot++;
  if (slot == STREAMS) abort();
  streams[slot].stream = stream;
  streams[slot].fd = fd;
  unlock();
  return stream;
}
FILE *fopen(const char *path, const char *mode) { return fopen64(path, mode); }

int fileno(FILE *stream) {
  int fd = -1;
  lock();
  for (int slot = 0; slot < STREAMS; slot++) {
    if (streams[slot].stream == stream) fd = streams[slot].fd;
  }
  unlock();
  return fd >= 0 ? fd : REAL(fileno, int (*)(FILE *))(stream);
}

int fclose(FILE *stream) {
  lock();
  for (int slot = 0; slot < STREAMS; slot++) {
    if (streams[slot].stream == stream) streams[slot].stream = NULL;
  }
  unlock();
  return REAL(fclose, int (*)(FILE *))(stream);
}
