"""The service: studies are started, run on machines, watched and ended.

The rooms, from the top; each knows those below it:

    cli           one command a file
    service       one verb a file
    engines       not built yet: start `tuner worker` on other machines (Ray, Slurm, Kubernetes)
    supervisor    runs trials on this machine            dashboard    optuna-dashboard, guarded
    reporting     what people and programs are shown
    search        samplers, pruners: all of Optuna       training     torch, in trainer processes
    study         the study file, and what a study needs here
    processes     the fork server and trainers
    trial         the seam between supervisor and training
    machine       devices, memory, disk                  security     credentials, redaction
"""
