// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/replay.c: runs a fuzz target over every file of its corpus, so that what fuzzing once
// found is a test for ever, in every build and without libFuzzer.
#define POSTHASTE_BASE_ROOM
#include "base/base.h"

#include <dirent.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool replay_file(const char *folder, const char *name)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return false;
    struct buf bytes;
    buf_init(&bytes, 64 * MIB);
    char block[512];
    for (size_t got; (got = fread(block, 1, sizeof(block), f)) > 0;)
        buf_add(&bytes, str_of(block, got));
    fclose(f);
    LLVMFuzzerTestOneInput((const uint8_t *)buf_str(&bytes).ptr, bytes.len);
    buf_done(&bytes);
    return true;
}

int main(int argc, char **argv)
{
    int count = 0;
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (folder == NULL) {
        fprintf(stderr, "usage: %s FOLDER: no such corpus\n", argv[0]);
        return 2;
    }
    for (struct dirent *e; (e = readdir(folder)) != NULL;)
        if (e->d_name[0] != '.')
            count += replay_file(argv[1], e->d_name);
    closedir(folder);
    printf("%d files replayed\n", count);
    return count > 0 ? 0 : 1;
}
