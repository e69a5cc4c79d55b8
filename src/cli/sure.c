// SPDX-License-Identifier: Apache-2.0
// cli/sure.c: see cli/sure.h.
#include "cli/sure.h"

#include "rt/terminal.h"

bool cli_sure(struct cli *c, const char *question)
{
    if (cli_has(c, S("yes")))
        return true;
    if (!terminal_is(fileno(c->in)) || !terminal_is(fileno(c->err)))
        return false;
    fprintf(c->err, "%s [y/N] ", question);
    fflush(c->err);
    int first = fgetc(c->in);
    for (int rest = first; rest != '\n' && rest != EOF;)
        rest = fgetc(c->in);
    return first == 'y' || first == 'Y';
}
