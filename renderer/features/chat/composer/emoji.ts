/** The emoji that `:name` completes: those people reach for, by their usual short names. */
const table =
  'smile😄 grin😁 joy😂 rofl🤣 slight_smile🙂 wink😉 blush😊 heart_eyes😍 kissing_heart😘 yum😋 sunglasses😎 thinking🤔 ' +
  'neutral_face😐 expressionless😑 no_mouth😶 rolling_eyes🙄 smirk😏 relieved😌 pensive😔 sleepy😪 sleeping😴 mask😷 ' +
  'nerd🤓 confused😕 worried😟 frowning☹️ open_mouth😮 flushed😳 pleading🥺 cry😢 sob😭 scream😱 sweat😓 weary😩 tired😫 ' +
  'yawning🥱 triumph😤 rage😡 exploding_head🤯 cowboy🤠 partying🥳 star_struck🤩 hugging🤗 shushing🤫 zany🤪 melting🫠 ' +
  'salute🫡 skull💀 ghost👻 alien👽 robot🤖 poop💩 wave👋 raised_hand✋ ok_hand👌 pinched🤌 victory✌️ crossed_fingers🤞 ' +
  'love_you🤟 metal🤘 point_left👈 point_right👉 point_up👆 point_down👇 thumbsup👍 +1👍 thumbsdown👎 -1👎 fist✊ ' +
  'punch👊 clap👏 raised_hands🙌 open_hands👐 palms_up🤲 handshake🤝 pray🙏 writing✍️ muscle💪 brain🧠 eyes👀 heart❤️ ' +
  'orange_heart🧡 yellow_heart💛 green_heart💚 blue_heart💙 purple_heart💜 black_heart🖤 white_heart🤍 broken_heart💔 ' +
  'two_hearts💕 sparkling_heart💖 hundred💯 boom💥 sparkles✨ dizzy💫 zzz💤 speech💬 thought💭 fire🔥 tada🎉 confetti🎊 ' +
  'balloon🎈 gift🎁 trophy🏆 medal🏅 first🥇 soccer⚽ basketball🏀 game🎮 dart🎯 art🎨 music🎵 notes🎶 guitar🎸 mic🎤 ' +
  'headphones🎧 clapper🎬 camera📷 tv📺 computer💻 keyboard⌨️ phone📱 battery🔋 plug🔌 bulb💡 book📖 books📚 newspaper📰 ' +
  'pencil✏️ memo📝 calendar📅 pin📌 paperclip📎 scissors✂️ lock🔒 unlock🔓 key🔑 hammer🔨 wrench🔧 gear⚙️ link🔗 bug🐛 ' +
  'package📦 mailbox📬 inbox📥 outbox📤 chart📈 clipboard📋 trash🗑️ rocket🚀 car🚗 bike🚲 train🚆 plane✈️ boat⛵ ' +
  'house🏠 hut🛖 office🏢 tent⛺ mountain⛰️ beach🏖️ sun☀️ cloud☁️ rain🌧️ snow❄️ zap⚡ rainbow🌈 moon🌙 star⭐ earth🌍 ' +
  'dog🐶 cat🐱 mouse🐭 rabbit🐰 fox🦊 bear🐻 panda🐼 tiger🐯 lion🦁 cow🐮 pig🐷 frog🐸 monkey🐵 chicken🐔 penguin🐧 ' +
  'bird🐦 owl🦉 bee🐝 butterfly🦋 snail🐌 turtle🐢 snake🐍 octopus🐙 fish🐟 whale🐳 unicorn🦄 tree🌳 seedling🌱 cactus🌵 ' +
  'flower🌸 rose🌹 sunflower🌻 mushroom🍄 apple🍎 banana🍌 lemon🍋 strawberry🍓 cherries🍒 avocado🥑 bread🍞 cheese🧀 ' +
  'egg🥚 pizza🍕 burger🍔 fries🍟 taco🌮 sushi🍣 ramen🍜 cake🍰 cookie🍪 doughnut🍩 chocolate🍫 icecream🍦 coffee☕ tea🍵 ' +
  'beer🍺 beers🍻 wine🍷 cocktail🍸 clinking🥂 check✅ x❌ warning⚠️ question❓ exclamation❗ no_entry⛔ recycle♻️ ' +
  'arrow_up⬆️ arrow_down⬇️ arrow_left⬅️ arrow_right➡️ new🆕 ok🆗 sos🆘 red_circle🔴 green_circle🟢 yellow_circle🟡 shrug🤷 ' +
  'facepalm🤦 running🏃 dancer💃 baby👶 family👪 hourglass⏳ alarm⏰ stopwatch⏱️ bell🔔 no_bell🔕 megaphone📣 flag🏁 crown👑'

export type Emoji = { name: string; emoji: string }

export const emojis: readonly Emoji[] = table.split(' ').map((entry) => {
  const [, name = '', emoji = ''] = /^([a-z0-9_+-]+)(.+)$/u.exec(entry) ?? []
  return { name, emoji }
})

/** Names that begin with the term first, then those that hold it. */
export function findEmojis(term: string, limit = 8): Emoji[] {
  const begins = emojis.filter(({ name }) => name.startsWith(term))
  const holds = emojis.filter(({ name }) => !name.startsWith(term) && name.includes(term))
  return [...begins, ...holds].slice(0, limit)
}

export const quickReactions = ['👍', '❤️', '😂', '🎉', '😮', '😢', '👀', '✅'] as const
