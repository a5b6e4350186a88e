# shellcheck shell=sh disable=SC2034
# Who may know whom, for the scripts of this folder: the layers of the library, and for each those that it may lean on.
#
#   tools, bench -> verify -> train -> network -> models -> ops -> graph -> runtime -> base
#                               |         `-> text, io -> base
#                               `-> data -> text, io -> base
layers='base runtime graph ops io text data models network train verify'

allowed()    # allowed LAYER
{
    case $1 in
    base) echo base ;;
    runtime) echo runtime base ;;
    graph) echo graph runtime base ;;
    ops) echo ops graph runtime base ;;
    io) echo io base ;;
    text) echo text base ;;
    data) echo data text io base ;;
    models) echo models ops graph runtime io base ;;
    network) echo network models ops graph runtime text io base ;;
    train) echo train network models ops graph runtime data text io base ;;
    verify) echo verify train network models ops graph runtime data text io base ;;
    esac
}
