/**
 * The homeserver without a window, under plain Node: `node out/main/headless.js`.
 *
 * Standard output carries the line `ready http://HOST:PORT/ server_name=… pid=…`, printed when the
 * server answers requests and not before; everything else goes to standard error. During onboarding
 * the server name in it is empty, and a second line, `setup http://HOST:PORT/#setup=…`, carries the
 * address at which the server is set up, with a secret that no log gets to see. Exit codes are those of
 * `exit-codes.ts`: 0 after a signal, 1 when the server failed; with a sentence, 2 for a bad option, key or data
 * directory, 65 for data that someone must decide about, and 75 where it is to be started again, as the database
 * does after a fault of the disk.
 */
import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Homeserver } from '../server/index.js'
import { createLogger } from '../server/kernel/logger.js'
import { type CommandLine, readCommandLine } from './command-line.js'
import { exitCodes } from './exit-codes.js'
import { openBrowser } from './open-browser.js'
import { chooseSecretBox } from './passphrase-box.js'
import {
  describeStartFailure,
  exitCodeOf,
  loadConfig,
  type RunningServer,
  type StartHomeserver,
  startServer,
} from './start-server.js'

/** Closing may take this long before the process ends anyway; the engine survives that. */
const closeCapMs = 4_500

/** The process as this host uses it; a test hands in another. */
export type HostProcess = {
  argv: readonly string[]
  env: NodeJS.ProcessEnv
  print(line: string): void
  complain(line: string): void
  onSignal(handler: () => void): void
  onStdinEnd(handler: () => void): void
  exit(code: number): void
  openBrowser(url: string): void
  startHomeserver?: StartHomeserver
}

/** Runs until a signal; resolves once the server is ready or has failed. */
export async function runHeadless(host: HostProcess): Promise<void> {
  let server: RunningServer | undefined
  let isEnding = false
  const end = (code: number) => {
    if (isEnding) return host.exit(code) // asked twice: at once
    isEnding = true
    if (!server) return host.exit(code)
    const cap = setTimeout(() => {
      host.complain('The server did not close in time; ending anyway.')
      host.exit(code || exitCodes.failed)
    }, closeCapMs)
    server
      .close()
      .then(
        () => code,
        (error: Error) => {
          host.complain(`The server did not close cleanly: ${error.message}`)
          return code || exitCodes.failed
        },
      )
      .then((exitCode) => {
        clearTimeout(cap)
        host.exit(exitCode)
      })
  }

  try {
    const commandLine = readCommandLine(host.argv)
    const rendererDir = fileURLToPath(new URL('../renderer', import.meta.url))
    const config = loadConfig(commandLine, host.env, rendererDir, host.complain)
    host.onSignal(() => end(exitCodes.ended))
    if (commandLine.exitWithStdin) host.onStdinEnd(() => end(exitCodes.ended))
    const logger = createLogger(config.log.level)
    server = await startServer(
      config,
      { logger, secrets: chooseSecretBox(host.env), accept: commandLine.accept },
      host.startHomeserver,
    )
    if (isEnding) {
      isEnding = false // a signal came while starting, when there was nothing to close yet
      return end(exitCodes.ended)
    }
    server.homeserver.onUnusable((reason) => {
      host.complain(`${reason} Ending with ${exitCodes.startAgain}, to be started again.`)
      end(exitCodes.startAgain)
    })
    await announce(server.homeserver, commandLine, host)
  } catch (error) {
    host.complain(describeStartFailure(error))
    end(exitCodeOf(error))
  }
}

async function announce(homeserver: Homeserver, commandLine: CommandLine, host: HostProcess): Promise<void> {
  const { clientUrl, serverName, setupSecret } = homeserver
  if (!clientUrl) throw new Error('there is no client listener')
  const answer = await fetch(new URL('_matrix/client/versions', clientUrl))
  if (!answer.ok) throw new Error(`${clientUrl} answered ${answer.status} to /_matrix/client/versions`)
  host.print(`ready ${clientUrl} server_name=${serverName ?? ''} pid=${process.pid}`)
  // In the fragment: browsers send it to nobody, and no proxy writes it down.
  const setupUrl = setupSecret && `${clientUrl}#setup=${setupSecret}`
  if (setupUrl) host.print(`setup ${setupUrl}`)
  if (commandLine.openBrowser) host.openBrowser(setupUrl ?? clientUrl)
}

/** npm runs a package's program through a symbolic link. */
function isEntry(): boolean {
  try {
    return realpathSync(process.argv[1] ?? '') === realpathSync(fileURLToPath(import.meta.url))
  } catch {
    return false
  }
}

/** Runs as this very process: its arguments, streams and signals. */
const runAsProcess = (given: readonly string[]): Promise<void> =>
  runHeadless({
    argv: given,
    env: process.env,
    print: (line) => process.stdout.write(`${line}\n`),
    complain: (line) => process.stderr.write(`${line}\n`),
    onSignal: (handler) => {
      process.on('SIGINT', handler)
      process.on('SIGTERM', handler)
      // The launcher that watches over this process is gone.
      process.once('disconnect', handler)
      process.channel?.unref()
    },
    onStdinEnd: (handler) => {
      process.stdin.once('end', handler).resume()
    },
    exit: (code) => process.exit(code),
    openBrowser: (url) => openBrowser(url, process.env),
  })

if (isEntry()) await runAsProcess(process.argv.slice(2))
