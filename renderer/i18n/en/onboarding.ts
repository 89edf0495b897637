/** Texts of the first run, and of choosing a password. */
export const onboarding = {
  'setup.step': 'Step {at} of {of}',
  'setup.next': 'Continue',
  'setup.finish': 'Start your server',
  'setup.finishing': 'Setting up…',
  'setup.rehearsal': 'This is how others will see you',
  'setup.rehearsal.you': 'you',
  'setup.rehearsal.server': 'name',

  'setup.name.title': 'What is your name here?',
  'setup.name.text': 'Your server is about to start. Its first account is yours, and you run it.',
  'setup.name.user': 'Your user name',
  'setup.name.hint': 'Small letters and digits. It cannot be changed later; the name that is shown can.',
  'setup.name.need': 'Choose a user name.',
  'setup.name.reserved': 'The name {name} is the server’s own. Choose another.',

  'setup.server.title': 'What is your server called?',
  'setup.server.text': 'It is part of the address of everyone here.',
  'setup.server.name': 'Name of your server',
  'setup.server.hint':
    'Any name such as home.local; or a domain of yours, if other Matrix servers are to find it one day.',
  'setup.server.permanent': 'This name can never be changed.',
  'setup.server.need': 'Choose a name for the server.',
  'setup.server.bad': 'A server name is like the name of a website: letters, digits, dots and hyphens.',

  'setup.password.title': 'Choose a password',
  'setup.password.text': 'Whoever has it can see and change everything on this server.',

  'setup.reach.title': 'Who is it for?',
  'setup.reach.text': 'This can be changed later.',
  'setup.reach.local': 'People here',
  'setup.reach.localText':
    'Everyone you invite: on this machine at first, and on your home network as soon as you turn that on under Home, Reach.',
  'setup.reach.federated': 'People on other Matrix servers too',
  'setup.reach.federatedText':
    'Takes more than this step: {server} has to lead to this machine from the internet, with a certificate, and Hearth cannot set that up for you yet. Until then nobody elsewhere reaches you, and you reach nobody there.',
  'setup.reach.notADomain':
    'Other servers cannot find “{server}”: that is no domain name. Go back and choose one that is yours, or stay among people here.',

  'setup.ready.title': 'Ready to start',
  'setup.ready.text': 'Everything is kept in one folder on this machine: messages, media and keys.',
  'setup.ready.you': 'You will be {id}.',
  'setup.ready.local': 'At first only this machine reaches your server.',
  'setup.ready.federated':
    'At first only this machine reaches your server; Home, Reach says what is missing until other servers do.',
  'setup.ready.folder': 'Data folder',
  'setup.ready.backup': 'Whoever has this folder has everything. Back it up, above all the keys in it.',
  'setup.ready.elsewhere': 'To keep it elsewhere, quit now and start with --data-dir FOLDER.',

  'setup.closed': 'This server has not been set up yet',
  'setup.closedText':
    'Open it at the address that it printed when it was started, the one that ends in #setup=… It works once, on the machine itself or through a tunnel to it.',
  'setup.failed': 'This server could not be asked whether it is set up.',
  'setup.already': 'This server is set up already. Reload to sign in.',

  'password.short': 'At least 8 characters.',
  'password.weak': 'Easy to guess. A few more words make it strong.',
  'password.fair': 'Fair. Longer is better.',
  'password.good': 'Strong.',
  'password.refused': 'That is too easy to guess. A few more words make it strong.',
  'password.same': 'That is the password you have. Choose another.',
  'password.show': 'Show password',
  'password.hide': 'Hide password',
  'password.ownTitle': 'Choose a password of your own',
  'password.ownText':
    'Yours was handed out by somebody who runs this server, so they know it. From now on only you should.',
  'password.handedOut': 'Password you were given',
  'password.own': 'Your own password',
  'password.keep': 'Keep this one',
} as const
