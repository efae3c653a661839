/* Symbol visibility: everything is hidden except what carries FAL_API. */
#ifndef FALSETTO_EXPORT_H
#define FALSETTO_EXPORT_H

#if defined(__GNUC__)
#define FAL_API __attribute__((visibility("default")))
#define FAL_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#else
#define FAL_API
#define FAL_PRINTF(fmt, first)
#endif

#endif
