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
import { keyStoreName, machineStoreName, readStoreKey } from '../store-key.js'

export async function openMachine(userId: string, deviceId: string): Promise<OlmMachine> {
  await initAsync()
  // Its own words are for who mends it: on the console of a window nobody reads them.
  new Tracing(LoggerLevel.Error).turnOn()
  const { key } = await readStoreKey(keyStoreName(userId, deviceId))
  const store = await StoreHandle.openWithKey(machineStoreName(userId, deviceId), key)
  return OlmMachine.initFromStore(new UserId(userId), new DeviceId(deviceId), store)
}
