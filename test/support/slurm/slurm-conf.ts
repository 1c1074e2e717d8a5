interface SlurmConf {
  readonly folder: string;
  readonly host: string;
  readonly controllerPort: number;
  readonly nodePorts: readonly number[];
  readonly cpusPerNode: number;
}

/** `slurm.conf` of a cluster on one host, without systemd, cgroups, munge and a database, whose outages are over after seconds. */
export const slurmConf = ({ folder, host, controllerPort, nodePorts, cpusPerNode }: SlurmConf): string => `ClusterName=sluice
SlurmctldHost=${host}(127.0.0.1)
SlurmctldPort=${controllerPort}
SlurmUser=root
SlurmdUser=root
AuthType=auth/slurm
AuthInfo=cred_expire=5
CredType=auth/slurm
AuthAltTypes=auth/jwt
AuthAltParameters=jwt_key=${folder}/etc/jwt_hs256.key
StateSaveLocation=${folder}/state
SlurmdSpoolDir=${folder}/spool/%n
SlurmctldPidFile=${folder}/run/slurmctld.pid
SlurmdPidFile=${folder}/run/slurmd.%n.pid
SlurmctldLogFile=${folder}/log/slurmctld.log
SlurmdLogFile=${folder}/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
SlurmctldTimeout=30
SlurmdTimeout=10
MessageTimeout=5
InactiveLimit=0
KillWait=2
MinJobAge=300
MaxJobCount=20000
CompleteWait=0
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,bf_continue,sched_interval=1,batch_sched_delay=0,default_queue_depth=1000,bf_max_job_test=1000,max_rpc_cnt=0
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PreemptExemptTime=00:00:00
JobRequeue=1
PriorityType=priority/basic
MailProg=/bin/true
${nodePorts.map((port, node) => `NodeName=gpu${node} NodeHostname=${host} NodeAddr=127.0.0.1 Port=${port} CPUs=${cpusPerNode} RealMemory=8000 State=UNKNOWN`).join('\n')}
PartitionName=low Nodes=ALL Default=YES PriorityTier=1 PreemptMode=REQUEUE GraceTime=0 MaxTime=1:00:00 DefaultTime=10 State=UP OverSubscribe=NO
PartitionName=high Nodes=ALL Default=NO PriorityTier=10 PreemptMode=OFF GraceTime=0 MaxTime=1:00:00 DefaultTime=10 State=UP OverSubscribe=NO
`;
