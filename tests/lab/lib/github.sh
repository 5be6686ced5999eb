# shellcheck shell=bash
# The proxy that stands before the tests' GitHub, and the description that it holds everything against; both from npm, once per machine.

DESCRIPTION=@octokit/openapi@23.0.2
DESCRIPTION_SHA512=pV8M7L9GY23AybNvTmo2nyjmpmnt6+2sRE/tqr0ZLQcPS4lnw7u5eZGNmwRNkBC3D7gZXbFx5AHzLUVRBXGDhg==
# What our source reads, and what it changes.
REPOSITORY='/repos/{owner}/{repo}'
ACTIONS="$REPOSITORY/actions"
DESCRIBED=("$ACTIONS/runs" "$ACTIONS/workflows/{workflow_id}/runs" "$ACTIONS/runs/{run_id}" "$ACTIONS/runs/{run_id}/jobs" "$ACTIONS/jobs/{job_id}"
	"$ACTIONS/jobs/{job_id}/logs" "$REPOSITORY" "$REPOSITORY/deployments" "$REPOSITORY/deployments/{deployment_id}/statuses"
	"$REPOSITORY/environments/{environment_name}" "$REPOSITORY/compare/{basehead}" "post:$ACTIONS/runs/{run_id}/rerun" "post:$ACTIONS/jobs/{job_id}/rerun"
	"post:$ACTIONS/runs/{run_id}/rerun-failed-jobs" "post:$ACTIONS/runs/{run_id}/cancel" "post:$ACTIONS/runs/{run_id}/force-cancel"
	"post:$ACTIONS/runs/{run_id}/approve" "$ACTIONS/runs/{run_id}/pending_deployments" "post:$ACTIONS/runs/{run_id}/pending_deployments"
	"$ACTIONS/runs/{run_id}/artifacts" "$REPOSITORY/commits/{ref}/status" "$REPOSITORY/commits/{ref}/check-runs" "$REPOSITORY/contents/{path}"
	"post:$ACTIONS/workflows/{workflow_id}/dispatches")

# Print the folder with the proxy and the description, made anew when one of our files about it changes.
github_proxy() {
	local folder
	folder=$CACHE/github-$(cat "$LAB_CODE"/github/* "$LAB_CODE/lib/github.sh" | sha256sum | cut -c1-12)
	(
		flock 9
		[ ! -e "$folder/description.json" ] || exit 0
		say "installing the proxy before GitHub"
		rm -rf "$folder.new"
		mkdir -p "$folder.new"
		# In the background: after a bare `||` no failure inside would end it.
		install_proxy "$folder.new" >"$CACHE/npm.log" 2>&1 & wait $! || { tail -n 15 "$CACHE/npm.log" >&2; die "npm could not install the proxy before GitHub; read $CACHE/npm.log"; }
		mv "$folder.new" "$folder"
	) 9>"$CACHE/lock-github" >&2 || return 1
	echo "$folder"
}

# The archive of the description is 28 MB, and 390 MB unpacked: only one file of it is taken out.
install_proxy() (
	set -e
	cp "$LAB_CODE"/github/* "$1"
	cd "$1"
	npm ci --cache "$1/npm" --ignore-scripts --no-audit --no-fund --omit=dev
	local archive
	archive=$(npm pack --cache "$1/npm" --silent "$DESCRIPTION")
	[ "$(openssl dgst -sha512 -binary "$archive" | base64 -w0)" = "$DESCRIPTION_SHA512" ] || { echo "$archive is not the archive that it should be (sha512)"; exit 1; }
	tar -xzOf "$archive" package/generated/api.github.com.json | node cut.mjs "${DESCRIBED[@]}" >description.part
	mv description.part description.json
	rm -rf "$archive" npm
)
