// node --require redirects.cjs prism …: the proxy hands redirects on, as it must for its caller to be seen following them; by itself it follows them.
const own = require('node:module').createRequire(process.argv[1])
const fetch = own('node-fetch')
const here = (url, options) => fetch(url, { ...options, redirect: 'manual' })
own.cache[own.resolve('node-fetch')].exports = Object.assign(here, fetch, { default: here })
