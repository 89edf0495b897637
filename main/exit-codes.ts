/** What the headless process ends with, for supervisors. README.md and docs/configuration.md say the same. */
export const exitCodes = {
  /** After a signal. */
  ended: 0,
  /** The server failed, or did not close. */
  failed: 1,
  /** An option, a key or the data directory is wrong: someone must change it. */
  refused: 2,
  /** The data is not what it should be, or of another form: someone must decide. (EX_DATAERR) */
  dataRefused: 65,
  /** Start it again: the database needs a fresh process, room on the disk, or another process to end. (EX_TEMPFAIL) */
  startAgain: 75,
} as const
