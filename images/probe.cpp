// SPDX-License-Identifier: Apache-2.0
// Says what a container has: its file system, its processors, and what the cgroups above it allow. An engine runs it in
// an image that holds nothing else, so it stands on the kernel alone. Its folder of cgroups is that of the engine's
// machine, mounted at /cgroup. (src/engine/measure.cpp reads what it prints.)
#include <fcntl.h>
#include <sys/syscall.h>

namespace {

long call(long number, long a, long b = 0, long c = 0, long d = 0) {
#if defined(__x86_64__)
    long result = 0;
    register long r10 asm("r10") = d;
    asm volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 asm("x8") = number;
    register long x0 asm("x0") = a;
    register long x1 asm("x1") = b;
    register long x2 asm("x2") = c;
    register long x3 asm("x3") = d;
    asm volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
    return x0;
#endif
}

long address(const void* pointer) { return reinterpret_cast<long>(pointer); }

void put(const char* text) {
    long size = 0;
    while (text[size] != '\0') ++size;
    call(SYS_write, 1, address(text), size);
}

void put(unsigned long number) {
    char digits[24];
    int at = sizeof digits;
    digits[--at] = '\0';
    do digits[--at] = static_cast<char>('0' + number % 10);
    while ((number /= 10) != 0);
    put(" ");
    put(digits + at);
}

char text[1 << 16];

bool read_file(const char* path) {
    const long file = call(SYS_openat, AT_FDCWD, address(path), O_RDONLY);
    if (file < 0) return false;
    long size = 0;
    for (long count = 1; count > 0 && size + 1 < long{sizeof text}; size += count)
        if ((count = call(SYS_read, file, address(text + size), long{sizeof text} - 1 - size)) < 0) count = 0;
    text[size] = '\0';
    call(SYS_close, file);
    return true;
}

char rows[1 << 13];
const char* const limits[] = {"memory.max", "cpu.max", "memory.limit_in_bytes", "cpu.cfs_period_us",
                              "cpu.cfs_quota_us"};

// "4:memory:/docker/1a2b", "0::/system.slice/docker-1a2b.scope". (cgroups(7))
void put_limits(char* row) {
    char* controllers = row;
    while (*controllers != '\0' && *controllers++ != ':') {
    }
    char* path = controllers;
    while (*path != '\0' && *path != ':') ++path;
    if (*path == '\0') return;
    *path++ = '\0';
    if (call(SYS_chdir, address("/cgroup")) < 0) return;
    if (*controllers != '\0' && call(SYS_chdir, address(controllers)) < 0) return;
    long depth = 0;
    for (char* name = path; *name != '\0';) {
        if (*name == '/') {
            ++name;
            continue;
        }
        char* end = name;
        while (*end != '\0' && *end != '/') ++end;
        const char kept = *end;
        *end = '\0';
        if (call(SYS_chdir, address(name)) < 0) break;
        *end = kept;
        ++depth;
        name = end;
    }
    for (; depth >= 0; --depth) {
        for (const char* file : limits)
            if (read_file(file)) {
                put(file);
                put(" ");
                put(text);
            }
        call(SYS_chdir, address(".."));
    }
}

}  // namespace

extern "C" [[noreturn]] void probe() {
    unsigned long disk[32] =
        {};  // struct statfs: type, size of a block, blocks, free, available, …, size of a fragment
    if (call(SYS_statfs, address("/"), address(disk)) == 0) {
        put("disk");
        const unsigned long unit = disk[9] != 0 ? disk[9] : disk[1];
        put(disk[2] * unit);
        put(disk[4] * unit);
        put("\n");
    }
    long now[2] = {};
    if (call(SYS_clock_gettime, 0, address(now)) == 0) {
        put("clock");
        put(static_cast<unsigned long>(now[0]));
        put("\n");
    }
    unsigned long mask[128] = {};
    unsigned long processors = 0;
    if (call(SYS_sched_getaffinity, 0, sizeof mask, address(mask)) > 0)
        for (unsigned long word : mask)
            for (; word != 0; word &= word - 1) ++processors;
    put("processors");
    put(processors);
    put("\n");
    if (read_file("/proc/self/cgroup")) {
        long size = 0;
        for (; text[size] != '\0' && size + 1 < long{sizeof rows}; ++size) rows[size] = text[size];
        for (char* row = rows; *row != '\0';) {
            char* end = row;
            while (*end != '\0' && *end != '\n') ++end;
            char* next = *end == '\0' ? end : end + 1;
            *end = '\0';
            put_limits(row);
            row = next;
        }
    }
    for (;;) call(SYS_exit_group, 0);
}

#if defined(__x86_64__)
asm(".globl _start\n_start: and $-16, %rsp\n call probe\n");
#elif defined(__aarch64__)
asm(".globl _start\n_start: bl probe\n");
#endif
