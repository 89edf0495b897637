/*
 * Stands in for napi_create_external_arraybuffer as Electron's V8 memory cage has it: memory that V8
 * did not allocate is refused, and the caller must copy. Counts the refusals and writes them to the
 * file named by REFUSALS_FILE when the process ends.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned long refusals;

int hrth_create_external_arraybuffer(void *env, void *data, size_t length, void *finalize, void *hint, void **result) {
  (void)env; (void)data; (void)length; (void)finalize; (void)hint; (void)result;
  __atomic_add_fetch(&refusals, 1, __ATOMIC_RELAXED);
  return 22; /* napi_no_external_buffers_allowed */
}

__attribute__((destructor)) static void report(void) {
  const char *path = getenv("REFUSALS_FILE");
  FILE *file = path ? fopen(path, "w") : NULL;
  if (!file) return;
  fprintf(file, "%lu", refusals);
  fclose(file);
}
