/** Opens the machine of this device over its store in IndexedDB; with it comes the WebAssembly that it is made of. */
import {
  DeviceId,
  initAsync,
  LoggerLevel,
  OlmMachine,
  StoreHandle,
  Tracing,
  UserId,
} from '@matrix-org/matrix-sdk-crypto-wasm'
import type { MatrixHttp } from '../../platform/matrix/http.js'
import { deleteMachineStore, keyStoreName, machineStoreName, readStoreKey } from '../store-key.js'

/** The browser has lost the keys by which others know this device: with new ones it would be taken for an impostor. */
class KeysLostError extends Error {
  override readonly name = 'KeysLostError'
}

type KeysAnswer = { device_keys?: Record<string, Record<string, { keys?: Record<string, string> }>> }

export async function openMachine(userId: string, deviceId: string, http: MatrixHttp): Promise<OlmMachine> {
  await initAsync()
  // Its own words are for who mends it: on the console of a window nobody reads them.
  new Tracing(LoggerLevel.Error).turnOn()
  const { key, isNew } = await readStoreKey(keyStoreName(userId, deviceId))
  if (isNew) await deleteMachineStore(userId, deviceId) // sealed with a key that is gone
  const store = await StoreHandle.openWithKey(machineStoreName(userId, deviceId), key)
  const machine = await OlmMachine.initFromStore(new UserId(userId), new DeviceId(deviceId), store)
  store.free() // the machine holds it; the database stays open as long as anybody does
  if (isNew && (await isKnownOtherwise(machine, http))) {
    machine.close()
    throw new KeysLostError('the keys of this device are gone')
  }
  return machine
}

async function isKnownOtherwise(machine: OlmMachine, http: MatrixHttp): Promise<boolean> {
  const [userId, deviceId] = [machine.userId.toString(), machine.deviceId.toString()]
  const { device_keys = {} } = await http.request<KeysAnswer>('POST', '/_matrix/client/v3/keys/query', {
    body: { device_keys: { [userId]: [deviceId] } },
  })
  const known = device_keys[userId]?.[deviceId]?.keys?.[`ed25519:${deviceId}`]
  return known !== undefined && known !== machine.identityKeys.ed25519.toBase64()
}
