package cli

import (
	"context"

	"github.com/spf13/cobra"
)

const completionName = "completion"

// completion is the command that prints a completion script for a shell.
func (r *run) completion() *Command {
	shell := ""
	shells := []string{"bash", "zsh", "fish"}
	return &Command{Name: completionName, Takes: "bash|zsh|fish",
		Short: "what a shell needs to complete commands and flags",
		Long: `Prints a script for a shell. For this session: source <(` + r.program.Name + ` completion bash).
For every one: into /usr/share/bash-completion/completions/` + r.program.Name + `, for zsh into a
directory of fpath as _` + r.program.Name + `, for fish into ~/.config/fish/completions/` + r.program.Name + `.fish.`,
		Args: func(args []string) error {
			if len(args) != 1 || OneOf(&shell, "", shells...).Set(args[0]) != nil {
				return Usage("completion: want one of bash, zsh, fish")
			}
			return nil
		},
		Run: func(context.Context, *Call) (int, error) {
			switch shell {
			case "bash":
				return Done, r.root.GenBashCompletionV2(r.stdout, true)
			case "zsh":
				return Done, r.root.GenZshCompletion(r.stdout)
			}
			return Done, r.root.GenFishCompletion(r.stdout, true)
		}}
}

// completeWords offers the legal words of flags that take one of some.
func completeWords(cc *cobra.Command, flags *Flags) {
	for _, g := range flags.groups {
		for _, f := range g.flags {
			if v, ok := f.Value.(interface{ Words() []string }); ok {
				// An error is of a flag that is not there, or registered twice.
				_ = cc.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(v.Words(), cobra.ShellCompDirectiveNoFileComp))
			}
		}
	}
}
