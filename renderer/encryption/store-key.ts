/**
 * The key under which this device's keys lie on the disk.
 *
 * It is sealed with a key that the browser keeps and gives to nobody, this page included (`extractable: false`), so what
 * is copied out of the database by a script is of no use elsewhere. Who has the whole profile of the browser has both.
 */
export const keyStoreName = (userId: string, deviceId: string) => `hearth.keys.${userId}.${deviceId}`
export const machineStoreName = (userId: string, deviceId: string) => `hearth.machine.${userId}.${deviceId}`

type Kept = { lock: CryptoKey; iv: Uint8Array<ArrayBuffer>; sealed: ArrayBuffer }

const storeName = 'keys'

const asked = <Value>(request: IDBRequest<Value>) =>
  new Promise<Value>((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })

async function open(name: string): Promise<IDBDatabase> {
  const request = indexedDB.open(name, 1)
  request.onupgradeneeded = () => request.result.createObjectStore(storeName)
  return asked(request)
}

/** @returns 32 bytes: the same as long as the database is there, else new ones */
export async function readStoreKey(name: string): Promise<{ key: Uint8Array; isNew: boolean }> {
  const db = await open(name)
  try {
    const kept = (await asked(db.transaction(storeName).objectStore(storeName).get('store'))) as Kept | undefined
    if (kept) {
      const key = await crypto.subtle.decrypt({ name: 'AES-GCM', iv: kept.iv }, kept.lock, kept.sealed)
      return { key: new Uint8Array(key), isNew: false }
    }
    const lock = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt'])
    const key = crypto.getRandomValues(new Uint8Array(32))
    const iv = crypto.getRandomValues(new Uint8Array(12))
    const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, lock, key)
    const made: Kept = { lock, iv, sealed }
    await asked(db.transaction(storeName, 'readwrite').objectStore(storeName).add(made, 'store'))
    return { key, isNew: true }
  } finally {
    db.close()
  }
}

const forget = (name: string) =>
  new Promise<void>((resolve) => {
    const request = indexedDB.deleteDatabase(name)
    for (const event of ['success', 'error', 'blocked']) request.addEventListener(event, () => resolve())
  })

export async function deleteMachineStore(userId: string, deviceId: string): Promise<void> {
  const name = machineStoreName(userId, deviceId)
  await Promise.all([forget(`${name}::matrix-sdk-crypto`), forget(`${name}::matrix-sdk-crypto-meta`)])
}

/** Forgets the keys of a device that signed out; what another tab still holds open goes when it lets go. */
export async function forgetKeys({ userId, deviceId }: { userId: string; deviceId: string }): Promise<void> {
  await Promise.all([forget(keyStoreName(userId, deviceId)), deleteMachineStore(userId, deviceId)])
}
