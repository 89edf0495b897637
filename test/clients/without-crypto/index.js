// The bot client names these at import and uses them only once encryption is turned on.
const names = [
  'RoomId',
  'UserId',
  'DeviceId',
  'OlmMachine',
  'DeviceLists',
  'EncryptionSettings',
  'EncryptionAlgorithm',
  'RequestType',
  'StoreType',
  'Attachment',
  'EncryptedAttachment',
]
for (const name of names)
  exports[name] = class {
    constructor() {
      throw new Error(`${name}: encryption is not part of this test`)
    }
  }
