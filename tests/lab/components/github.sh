# shellcheck shell=bash
# Between our source and the GitHub that the tests play at the port `github`: every request and answer is held against GitHub's own description,
# and what breaks it becomes an error.

run_github_proxy() {
	local folder
	folder=$(recall github)
	daemon node --require "$folder/redirects.cjs" "$folder/node_modules/@stoplight/prism-cli/dist/index.js" proxy --errors --host 127.0.0.1 \
		--port "$(port github-proxy)" "$folder/description.json" "http://127.0.0.1:$(port github)"
}
# It answers "no such path" here, which is an answer.
ready_github_proxy() { direct curl --silent --max-time 5 --output /dev/null "http://127.0.0.1:$(port github-proxy)/"; }
