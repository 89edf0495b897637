/** The German catalogue: proof that every text goes through here. A missing key does not compile. */
import type { Catalogue } from '../index.js'
import { chat } from './chat.js'
import { common } from './common.js'
import { encryption } from './encryption.js'
import { home } from './home.js'
import { onboarding } from './onboarding.js'
import { people } from './people.js'
import { roomSettings } from './room-settings.js'
import { trust } from './trust.js'

export const de: Catalogue = {
  ...common,
  ...chat,
  ...encryption,
  ...home,
  ...onboarding,
  ...people,
  ...roomSettings,
  ...trust,
}
