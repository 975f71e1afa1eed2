# fish completion for notaus: the program itself knows what may stand at the cursor (src/app/complete.h).
function __notaus_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case :files :command
                __fish_complete_path "$current"
            case :directories
                __fish_complete_directories "$current" ''
            case ':*'
            case '*'
                echo $line
        end
    end
end
complete --command notaus --no-files --arguments '(__notaus_complete)'
