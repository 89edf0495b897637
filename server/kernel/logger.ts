/**
 * The one logger and its subsystems. IDs are logged, never event content, never a token: the
 * redaction list below is the last guard, not the first.
 */
import pino from 'pino'

export const subsystems = [
  'server',
  'engine',
  'commit',
  'projector',
  'live',
  'http',
  'rooms',
  'sync',
  'users',
  'media',
  'federation',
  'sender',
  'keys',
  'push',
  'appservices',
] as const
export type Subsystem = (typeof subsystems)[number]
export type Logger = pino.Logger
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'

const secretPaths = [
  'access_token',
  'refresh_token',
  'password',
  'token',
  'authorization',
  'auth',
  'headers.authorization',
]

/** @param destination file path or stream, or undefined for standard error (standard output carries only the `ready` line) */
export function createLogger(level: LogLevel, destination?: string | pino.DestinationStream): Logger {
  return pino(
    { level, redact: { paths: [...secretPaths, ...secretPaths.map((path) => `*.${path}`)], censor: '[secret]' } },
    typeof destination === 'object'
      ? destination
      : pino.destination({ dest: destination ?? 2, sync: false, mkdir: true }),
  )
}

export const loggerFor = (logger: Logger, subsystem: Subsystem): Logger => logger.child({ subsystem })
