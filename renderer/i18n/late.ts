/** English texts that are not part of the first look. Whoever shows one of them imports this. */
import { trust } from './en/trust.js'
import { addEnglish } from './index.js'

addEnglish(trust)
