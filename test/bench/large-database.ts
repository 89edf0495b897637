/**
 * A database of many messages: 50 rooms, 20 users, texts that do not compress too well, PDUs of about 1 KB. Written through the
 * client-server API by a hundred lanes, so that it is what the measured build makes of it, then stopped and copied.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MatrixClient } from '../support/matrix-client.js'
import { startServerProcess } from '../support/server-process.js'

type Login = { user_id: string; access_token: string; device_id: string }
type Notes = { logins: Login[]; rooms: string[]; seconds: number; diskBytes: number }

export type DatabaseCopy = {
  dataDir: string
  rooms: readonly string[]
  /** Its users, on a server that runs on the copy. */
  clients(url: string): MatrixClient[]
  dispose(): Promise<void>
}

const words = 'lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt labore'.split(
  ' ',
)

/** About 420 characters. */
export const someText = () =>
  Array.from(
    { length: 60 },
    () => `${words[Math.floor(Math.random() * words.length)]}${Math.floor(Math.random() * 1000)}`,
  )
    .join(' ')
    .slice(0, 420)

export class LargeDatabase {
  #notes: Promise<Notes> | undefined
  #dir: string

  /** @param keptDir stays, and is taken again when it is there already; otherwise a temporary one */
  constructor(
    readonly events: number,
    private readonly keptDir?: string,
  ) {
    this.#dir = keptDir ?? ''
  }

  async notes(): Promise<Notes> {
    this.#notes ??= this.#make()
    return this.#notes
  }

  /** A fresh copy each time. */
  async copy(): Promise<DatabaseCopy> {
    const { logins, rooms } = await this.notes()
    const dataDir = await mkdtemp(join(tmpdir(), 'hearth-bench-'))
    await cp(join(this.#dir, 'data'), dataDir, { recursive: true })
    return {
      dataDir,
      rooms,
      clients: (url) => logins.map((login) => MatrixClient.fromLogin(url, login)),
      dispose: () => rm(dataDir, { recursive: true, force: true }),
    }
  }

  async dispose(): Promise<void> {
    if (!this.keptDir && this.#dir) await rm(this.#dir, { recursive: true, force: true })
  }

  async #make(): Promise<Notes> {
    this.#dir ||= await mkdtemp(join(tmpdir(), 'hearth-bench-'))
    const notesFile = join(this.#dir, `notes-${this.events}.json`)
    if (existsSync(notesFile)) return JSON.parse(await readFile(notesFile, 'utf8')) as Notes
    await rm(join(this.#dir, 'data'), { recursive: true, force: true })
    await mkdir(join(this.#dir, 'data'), { recursive: true })
    const filled = await fill(join(this.#dir, 'data'), this.events)
    const diskBytes = Number(
      spawnSync('du', ['-sb', join(this.#dir, 'data', 'db')])
        .stdout.toString()
        .split('\t')[0],
    )
    const notes = { ...filled, diskBytes }
    await writeFile(notesFile, JSON.stringify(notes))
    return notes
  }
}

async function fill(dataDir: string, events: number): Promise<Omit<Notes, 'diskBytes'>> {
  process.stderr.write(`bench: a database of ${events} events is made\n`)
  const server = await startServerProcess({ dataDir })
  const clients = await Promise.all(Array.from({ length: 20 }, (_, i) => MatrixClient.register(server.url, `user${i}`)))
  const [first] = clients as [MatrixClient, ...MatrixClient[]]
  const rooms = await Promise.all(Array.from({ length: 50 }, () => first.createRoom({ preset: 'public_chat' })))
  for (const client of clients.slice(1)) await Promise.all(rooms.map((roomId) => client.join(roomId)))
  const start = performance.now()
  let left = events
  await Promise.all(
    Array.from({ length: 100 }, async (_, lane) => {
      while (left-- > 0) await clients[lane % 20]!.send(rooms[left % 50]!, { msgtype: 'm.text', body: someText() })
    }),
  )
  const seconds = (performance.now() - start) / 1000
  await new Promise((resolve) => setTimeout(resolve, 3_000)) // the projector may still write
  await server.stop()
  const logins = clients.map(({ userId, accessToken, deviceId }) => ({
    ...{ user_id: userId, access_token: accessToken, device_id: deviceId },
  }))
  return { logins, rooms, seconds: Math.round(seconds) }
}
