/** Accesses are defined from the keys at hand, and nodes that share a database must share keys. */
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fileSecretBox } from '../../../server/kernel/secrets.js'
import { defineAccesses } from '../../../server/store/accesses.js'
import { loadSessionKeys } from '../../../server/store/key-files.js'
import { openTestDatabase } from '../../support/database.js'

const newKeys = async () => loadSessionKeys(await mkdtemp(join(tmpdir(), 'hearth-keys-')), fileSecretBox)

test('each start defines both accesses anew; only public keys reach the database', async () => {
  await using db = await openTestDatabase()
  const keys = await newKeys()
  await defineAccesses(db.root, await newKeys())
  await defineAccesses(db.root, keys)

  const [ns, local] = await db.query<{ accesses: Record<string, string> }[]>('INFO FOR NS; INFO FOR DB')

  expect(Object.keys(local!.accesses)).toEqual(['matrix_client'])
  expect(Object.keys(ns!.accesses)).toEqual(['federation'])
  expect(local!.accesses.matrix_client).toContain('DURATION FOR TOKEN')
  expect(JSON.stringify([ns, local])).not.toContain('PRIVATE')
})

test('on a shared database other keys are refused; alone they replace the old', async () => {
  await using db = await openTestDatabase()
  const keys = await newKeys()
  await defineAccesses(db.root, keys, true)

  await defineAccesses(db.root, keys, true)
  await expect(defineAccesses(db.root, await newKeys(), true)).rejects.toThrow('not those of the other nodes')
  await defineAccesses(db.root, await newKeys(), false)
})
