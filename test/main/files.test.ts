/** What the hosts write beside the database: sealed secrets, logs, the copy before an update. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { backUpDatabase, backupName, outdatedBackups } from '../../main/backup.js'
import { chooseSecretBox, passphraseBox } from '../../main/passphrase-box.js'
import { openRotatingLog } from '../../main/rotating-log.js'
import { temporaryDirectory } from '../support/temporary-directory.js'

describe('secrets under a passphrase', () => {
  const plain = Buffer.from('signing key')

  test('open with it, and look different each time', async () => {
    const box = passphraseBox('correct horse')
    const [first, second] = [await box.seal(plain), await box.seal(plain)]

    expect(Buffer.from(first)).not.toEqual(Buffer.from(second))
    expect(Buffer.from(first).includes(plain)).toBe(false)
    expect(Buffer.from(await passphraseBox('correct horse').open(first))).toEqual(plain)
  })

  test('do not open with another, nor after a change', async () => {
    const sealed = Buffer.from(await passphraseBox('a').seal(plain))

    await expect(passphraseBox('b').open(sealed)).rejects.toThrow(/passphrase is wrong or the secret was changed/)
    sealed[sealed.length - 1]! ^= 1
    await expect(passphraseBox('a').open(sealed)).rejects.toThrow(/was changed/)
    await expect(passphraseBox('a').open(plain)).rejects.toThrow(/not sealed with a passphrase/)
  })

  test('without one they are files as they are', async () => {
    const box = chooseSecretBox({})

    expect(box.kind).toBe('file')
    expect(await box.open(await box.seal(plain))).toEqual(plain)
    expect(chooseSecretBox({ HEARTH_PASSPHRASE: 'x' }).kind).toBe('passphrase')
  })
})

describe('the log', () => {
  test('goes on where it was, begins anew when full and keeps five files', () => {
    using directory = temporaryDirectory()
    const first = openRotatingLog(directory.path, 10)
    first.write('before\n')
    first.close()
    const log = openRotatingLog(directory.path, 10)
    for (let i = 0; i < 20; i++) log.write(`line ${i}\n`)
    log.close()

    const names = readdirSync(directory.path).sort()
    expect(names).toEqual(['hearth.1.log', 'hearth.2.log', 'hearth.3.log', 'hearth.4.log', 'hearth.log'])
    expect(readFileSync(join(directory.path, 'hearth.log'), 'utf8')).toContain('line 19\n')
    if (process.platform !== 'win32') expect(statSync(join(directory.path, 'hearth.log')).mode & 0o777).toBe(0o600)
  })
})

describe('the copy before an update', () => {
  const now = new Date('2026-11-22T10:15:00.000Z')

  test('is the whole database, under the old version’s name', async () => {
    using directory = temporaryDirectory()
    mkdirSync(join(directory.path, 'db', 'deep'), { recursive: true })
    writeFileSync(join(directory.path, 'db', 'deep', '000001.sst'), 'rows')

    const folder = await backUpDatabase(directory.path, '0.1.0', now)

    expect(folder).toBe(join(directory.path, 'backups', '0.1.0-20261122T101500Z'))
    expect(readFileSync(join(folder!, 'db', 'deep', '000001.sst'), 'utf8')).toBe('rows')
  })

  test('keeps the three newest, by time and not by version, and leaves other folders alone', async () => {
    using directory = temporaryDirectory()
    const names = ['0.9.0-20260101T000000Z', '0.10.0-20260102T000000Z', '0.2.0-20260103T000000Z', 'mine']
    for (const name of names) mkdirSync(join(directory.path, 'backups', name), { recursive: true })
    mkdirSync(join(directory.path, 'db'))

    await backUpDatabase(directory.path, '1.0.0', now)

    expect(readdirSync(join(directory.path, 'backups')).sort()).toEqual(
      ['0.10.0-20260102T000000Z', '0.2.0-20260103T000000Z', '1.0.0-20261122T101500Z', 'mine'].sort(),
    )
    expect(outdatedBackups(names)).toEqual([])
    expect(backupName('1.0.0', now)).toBe('1.0.0-20261122T101500Z')
  })

  test('is nothing when there is no database yet, and fails whole when it cannot be written', async () => {
    using directory = temporaryDirectory()
    expect(await backUpDatabase(directory.path, '0.1.0', now)).toBeUndefined()
    mkdirSync(join(directory.path, 'db'))
    writeFileSync(join(directory.path, 'backups'), 'a file is in the way')

    await expect(backUpDatabase(directory.path, '0.1.0', now)).rejects.toThrow()
  })
})
