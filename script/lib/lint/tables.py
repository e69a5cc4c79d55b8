# SPDX-License-Identifier: Apache-2.0
"""What the rules know of this project: its rooms, who may use what, and its measures."""

# Calls go down this list, never up: a room uses itself and those before it.
ROOMS = ['base', 'rt', 'conf', 'events', 'listen', 'mail', 'limits', 'directory', 'proof', 'queue', 'http', 'smtp', 'deliver', 'manage', 'server', 'cli']

FILE_LINES_GOOD, FILE_LINES_MAX = 600, 700
FUNCTION_LINES_GOOD = 80
COLUMNS = 100
STACK_ARRAY_MAX = 1024
VAGUE_NAMES = {'util', 'utils', 'misc', 'common', 'helper', 'helpers', 'stuff'}
# These make an error out of words, so there is nothing to overlook.
ERR_MAKERS = {'fail', 'fail_fmt', 'err_make', 'fail_errno'}

# Which system and library headers which rooms may include. The first row that fits decides; a
# header that fits none is asked about. rt/ is the only room that touches the outside world: what
# the simulator has to see must pass through it.
HEADERS = [
    (r'(assert|errno|inttypes|limits|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|math|float)\.h', 'all'),
    (r'(stdio|stdlib|string|strings|ctype)\.h', 'all'),  # the calls are judged one by one (CALLS)
    (r'sys/wait\.h', ['rt', 'server']),  # WIFEXITED and its like, for what rt/ reports of a process
    (r'(sys/.*|netinet/.*|arpa/.*|net/.*|linux/.*|ifaddrs|netdb|unistd|fcntl|poll|dirent|glob|termios)\.h', ['rt']),
    (r'(time|signal|pthread|sched|semaphore|threads|grp|pwd|ucontext|dlfcn|execinfo|spawn|syslog)\.h', ['rt']),
    (r'(sanitizer|valgrind)/.*\.h', ['base', 'rt']),
    (r'malloc\.h', ['base']),  # malloc_trim: mem_trim()
    (r'emmintrin\.h', ['base']),  # SSE2, with a portable twin beside it
    (r'(unbound|seccomp)\.h', ['rt']),
    (r'lmdb\.h', ['rt', 'directory', 'queue']),
    (r'(argon2|crypt)\.h', ['directory']),
    (r'openssl/evp\.h', ['base', 'rt', 'conf', 'listen', 'directory', 'proof', 'queue', 'deliver', 'server']),  # conf/: digests in expressions
    (r'openssl/.*\.h', ['base', 'rt', 'listen', 'directory', 'proof', 'http', 'deliver', 'server']),  # server/ makes the contexts that rt/ uses; deliver/ and http/ those of their clients
    (r'pcre2\.h', ['conf']),
    (r'libpsl\.h', ['conf', 'mail']),
    (r'iconv\.h', ['mail']),
    (r'(zlib|zstd)\.h', ['events', 'http']),
]

# Calls by name (a regex for the whole name), the rooms that may use them, and what to write instead.
# base/ is where the house's own words for them are made; cli/ speaks to a person.
CALLS = [
    (r'str(len|n?cmp|n?cpy|n?cat|r?chr|chrnul|str|n?dup|sep|spn|cspn|pbrk|tok|tok_r|coll|xfrm|error)', ['base', 'rt'],
     'bytes are slices: str_eq, str_find, scan_... of base/'),
    (r'strn?case(cmp|str)', ['base'], 'str_eq_nocase'),
    (r'(v?s|v?sn|v?as)printf|v?sscanf', ['base'], 'buf_fmt and arena_fmt'),
    (r'ato(i|l|ll|f)|strto(l|ul|ll|ull|d|f|imax|umax)', ['base'], 'scan_u64 and its like'),
    (r'(malloc|calloc|realloc|free|reallocarray|posix_memalign|aligned_alloc|alloca)', ['base'],
     'arenas, bufs, mem_new of base/'),
    (r'is(alpha|digit|alnum|space|upper|lower|punct|print|cntrl|xdigit|graph|blank)|to(upper|lower)', [],
     'byte_is_... of base/: libc asks the locale'),
    (r'(setlocale|newlocale|uselocale)', [], 'this server has no locale'),
    (r'(v?f?printf|puts|putchar|fputs|fputc|putc|perror)', ['base', 'cli'], 'say it with an event'),
    (r'(fopen|fdopen|freopen|fclose|fread|fwrite|fgets|getline|fflush|remove|rename)', ['base', 'rt', 'cli'],
     'the file calls of rt/'),
    (r'(socket|bind|listen|accept4?|connect|send|sendto|sendmsg|recv|recvfrom|recvmsg|setsockopt|getsockopt)',
     ['rt'], 'the sockets and streams of rt/'),
    (r'(open|openat|close|read|write|pread|pwrite|readv|writev|lseek|unlink|mkdir|stat|fstat|lstat|fsync|fdatasync'
     r'|mmap|munmap)', ['rt'], 'the files of rt/'),
    (r'(time|gettimeofday|clock_gettime|clock|localtime(_r)?|gmtime(_r)?|mktime|timegm|strftime|sleep|usleep'
     r'|nanosleep)', ['rt'], 'the clock of rt/, which the simulator moves'),
    (r'(rand|srand|random|srandom|rand_r|drand48|getrandom|getentropy|arc4random)', ['rt'], 'the randomness of rt/'),
    (r'(fork|vfork|exec[lv]p?e?|system|popen|waitpid|wait|wait4|kill|raise|signal|sigaction|sigprocmask)', ['rt'],
     'the processes of rt/'),
    (r'pthread_\w+|thrd_\w+|mtx_\w+', ['rt'], 'offload of rt/'),
    (r'(getenv|secure_getenv|setenv|putenv|unsetenv)', ['rt'], 'the environment is read once, by rt/'),
    (r'(abort|exit|_exit|quick_exit)', ['base', 'rt', 'cli'], 'return an error; assert what cannot be'),
]
