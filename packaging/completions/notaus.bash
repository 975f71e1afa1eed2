# bash completion for notaus: the program itself knows what may stand at the cursor (src/app/complete.h).
_notaus() {
  local line=${COMP_LINE:0:COMP_POINT} whole words=() each rest=none
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  whole=${words[-1]}

  # bash cuts words at `=` and `:`, too, and puts what we answer in place of the last piece only.
  local before=
  [[ $COMP_WORDBREAKS == *=* && $whole == *=* ]] && before=${whole%"${whole##*=}"}
  [[ $COMP_WORDBREAKS == *:* && $whole == *:* ]] && before=${whole%"${whole##*[=:]}"}

  COMPREPLY=()
  while IFS= read -r each; do
    case $each in
      :*) rest=${each#:} ;;
      *) printf -v each %q "${each%%$'\t'*}"; COMPREPLY+=("${each#"$before"}") ;;
    esac
  done < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)

  case $rest in
    files) compopt -o filenames; mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "${whole#"$before"}") ;;
    directories) compopt -o filenames; mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "${whole#"$before"}") ;;
    command) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -cf -- "$whole") ;;
  esac
}
complete -F _notaus notaus
