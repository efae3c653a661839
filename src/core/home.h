/* Where the user's models and probes live. */
#ifndef FAL_CORE_HOME_H
#define FAL_CORE_HOME_H

#include "core/status.h"

/* The folder `part` ("models", "probes") of falsetto's home: $FALSETTO_HOME/part, without that variable
 * $XDG_DATA_HOME/falsetto/part (XDG base directories: a relative value is ignored), without both
 * $HOME/.local/share/falsetto/part. It need not exist. *path is the caller's to fal_free. Fails with FAL_ERR_NOT_FOUND
 * when none of the three variables is set. */
fal_status fal_home_path(const char *part, char **path, fal_error *err);

#endif
