/**
 * The homeserver in a process of its own (`desktop.server_process: "utility"`), forked by
 * `desktop/utility-server.ts`. A panic in the engine then costs a restart and not the app.
 *
 * Sealing of secrets stays in the main process, which alone can reach the system's key store; it is
 * asked by message.
 */
import type { MessageEvent } from 'electron'
import type { HomeserverConfig } from '../server/kernel/config.js'
import { createLogger } from '../server/kernel/logger.js'
import type { SecretBox } from '../server/kernel/secrets.js'
import type { DataFault } from '../server/kernel/start-faults.js'
import { exitCodes } from './exit-codes.js'
import { channelOverPort } from './port-channel.js'
import { openRotatingLog } from './rotating-log.js'
import { acceptableFault, describeStartFailure, type RunningServer, startServer } from './start-server.js'

export type ToBackend =
  | {
      type: 'start'
      config: HomeserverConfig
      logsFolder: string
      secretKind: SecretBox['kind']
      accept: readonly DataFault[]
    }
  /** With one port. */
  | { type: 'connect' }
  | { type: 'secret'; id: number; bytes?: Uint8Array; error?: string }
  | { type: 'close' }

export type FromBackend =
  | { type: 'started'; clientUrl: string | undefined; setupSecret: string | undefined }
  | { type: 'failed'; problem: string; fault: DataFault | undefined }
  | { type: 'secret'; id: number; action: 'seal' | 'open'; bytes: Uint8Array }
  | { type: 'closed' }

/** How long closing may take when the database has failed. */
const giveUpMs = 2_000

const parent = process.parentPort
const say = (message: FromBackend) => parent.postMessage(message)

let server: RunningServer | undefined
const asked = new Map<number, { resolve(bytes: Uint8Array): void; reject(error: Error): void }>()
let lastId = 0
let isClosing = false

const ask = (action: 'seal' | 'open', bytes: Uint8Array) =>
  new Promise<Uint8Array>((resolve, reject) => {
    lastId += 1
    asked.set(lastId, { resolve, reject })
    say({ type: 'secret', id: lastId, action, bytes })
  })

async function start({ config, logsFolder, secretKind, accept }: Extract<ToBackend, { type: 'start' }>): Promise<void> {
  const logger = createLogger(config.log.level, openRotatingLog(logsFolder))
  const secrets: SecretBox = {
    kind: secretKind,
    seal: (bytes) => ask('seal', bytes),
    open: (bytes) => ask('open', bytes),
  }
  try {
    server = await startServer(config, { logger, secrets, accept })
    server.homeserver.onUnusable(() => void giveUp())
    const { clientUrl, setupSecret } = server.homeserver
    say({ type: 'started', clientUrl, setupSecret })
  } catch (error) {
    say({ type: 'failed', problem: describeStartFailure(error), fault: acceptableFault(error) })
  }
}

/** The parent starts a fresh process. Closing gives the data directory up, if it does not hang. */
async function giveUp(): Promise<void> {
  const late = new Promise((resolve) => setTimeout(resolve, giveUpMs))
  await Promise.race([server?.close().catch(() => {}), late])
  process.exit(exitCodes.startAgain)
}

function settle({ id, bytes, error }: Extract<ToBackend, { type: 'secret' }>): void {
  const waiting = asked.get(id)
  asked.delete(id)
  if (bytes) waiting?.resolve(bytes)
  else waiting?.reject(new Error(error ?? 'the key store gave no answer'))
}

parent.on('message', ({ data, ports }: MessageEvent) => {
  const message = data as ToBackend
  if (message.type === 'start') void start(message)
  else if (message.type === 'secret') settle(message)
  else if (message.type === 'connect') {
    const channel = channelOverPort(ports[0]!)
    if (server) server.homeserver.openLiveChannel(channel)
    else channel.close(1012, 'the server is starting')
  } else if (message.type === 'close' && !isClosing) {
    isClosing = true
    void Promise.resolve(server?.close()).finally(() => {
      say({ type: 'closed' })
      // The engine gives its files up when its process ends.
      setImmediate(() => process.exit(0))
    })
  }
})
