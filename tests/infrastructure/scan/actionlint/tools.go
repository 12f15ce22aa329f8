//go:build tools

// Package actionlint pins the linter of GitHub's workflows: go.sum has the hash of it and of all that it needs.
package actionlint

import _ "github.com/rhysd/actionlint/cmd/actionlint"
