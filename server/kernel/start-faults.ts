/**
 * Why a server does not start although its configuration is right. Each message is one sentence, or a few, for the
 * person who started it; the host shows it wherever people look and ends with an exit code of its own.
 */

/** What can be wrong with the data. The names are those of the option `--accept`. */
export const dataFaults = [
  'database-missing',
  'other-database',
  'lost-tail',
  'other-server',
  'key-missing',
  'other-key',
  'broken-mark',
  'broken-key',
  'old-form',
  'newer-form',
] as const
export type DataFault = (typeof dataFaults)[number]

/** Those after which one may go on as things are, if someone says so. */
export const acceptableFaults: readonly DataFault[] = [
  'database-missing',
  'other-database',
  'lost-tail',
  'key-missing',
  'other-key',
  'broken-mark',
]

/** The data is not what this server left, or not of a form it knows. */
export class DataFaultError extends Error {
  override readonly name = 'DataFaultError'

  constructor(
    readonly fault: DataFault,
    message: string,
  ) {
    super(message)
  }

  /** True where `--accept` takes this fault. */
  get isAcceptable(): boolean {
    return acceptableFaults.includes(this.fault)
  }
}

/** It may go better at the next try: no room on the disk, another process that uses the database. */
export class StartAgainError extends Error {
  override readonly name = 'StartAgainError'
}

/** True where a file could not be written for want of room. */
export const isDiskFull = (error: unknown): boolean =>
  ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException | undefined)?.code ?? '')
