#include "core/home.h"

#include "core/alloc.h"

#include <stdlib.h>

static const char *set_variable(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] ? value : NULL;
}

fal_status fal_home_path(const char *part, char **path, fal_error *err)
{
    fal_status st = FAL_OK;
    char *made = NULL;
    const char *own = set_variable("FALSETTO_HOME"), *data = set_variable("XDG_DATA_HOME"),
               *user = set_variable("HOME");
    if (own)
        FAL_ALLOC(made, fal_asprintf("%s/%s", own, part));
    else if (data && data[0] == '/')
        FAL_ALLOC(made, fal_asprintf("%s/falsetto/%s", data, part));
    else if (user)
        FAL_ALLOC(made, fal_asprintf("%s/.local/share/falsetto/%s", user, part));
    else
        FAL_FAIL(FAL_ERR_NOT_FOUND, "the folder for %s is not known: set FALSETTO_HOME (or HOME)", part);
    *path = made;
done:
    return st;
}
