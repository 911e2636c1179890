// The project's own Jenkinsfile, the starter's two lines, and a team's own with the small steps.

Closure<Lab> project = { Lab lab ->
    lab.text = new File(lab.root, 'Jenkinsfile').text
    lab.controller.scm.tree = new File(lab.home, 'tree')
    lab.controller.scm.files = ['templates/starter/basic/release.yml': 'model: x\n', 'templates/starter/basic/model.py': 'code\n', '.ci/run': '#!/bin/sh\necho "checked, CI=$CI"\n']
    new AntBuilder().copy(todir: "$lab.home/tree/templates/jenkins") { fileset(dir: "$lab.root/templates/jenkins") }
    lab
}

scenario('the project checks itself, then takes the starter through a release with its own library') { lab ->
    Build build = project(lab).build()
    assert build.result == 'SUCCESS', build.log
    assert build.log.contains('checked, CI=true')
    assert build.of('sh').findAll { it.env.ML_RELEASE_STAGE }*.env*.ML_RELEASE_STAGE == ['prepare', 'train', 'validate', 'report', 'approve', 'deploy']
    assert build.of('input')[0].executors == 0 && build.of('input')[0].submitter == 'reviewer'
    assert build.of('parameters')[0].names == ['ACTION', 'TO', 'REASON']
    assert build.of('waits for lock')[0].executors == 0 && build.of('sh').findAll { it.locks }*.stage.toSet() == ['deploy'] as Set
    assert lab.seen('deploy') == ['templates']
    assert build.artifacts.containsKey('release/report/index.html')
}

scenario('the project stops when its own checks fail') { lab ->
    project(lab)
    lab.controller.scm.files['.ci/run'] = '#!/bin/sh\nexit 1\n'
    Build build = lab.build()
    assert build.result == 'FAILURE' && build.stages.check == 'FAILURE' && build.stages.candidate == 'SKIPPED'
}

scenario('the project rolls its starter back') { lab ->
    Build build = project(lab).build([ACTION: 'rollback', TO: '1', REASON: 'try it'])
    assert build.result == 'SUCCESS', build.log
    assert build.log.contains('ran: rollback --config templates/starter/basic/release.yml --to=1 --reason=try it')
    assert !build.log.contains('checked') && build.stages.candidate == 'SKIPPED' && build.of('milestone')*.ordinal == [25, 30] && build.stages.deploy == 'SKIPPED'
}

scenario('the project audits its starter') { lab ->
    Build build = project(lab).build([ACTION: 'audit'])
    assert build.result == 'SUCCESS' && build.of('sh').findAll { it.env.ML_RELEASE_STAGE }*.env*.ML_RELEASE_STAGE == ['audit']
}

scenario('a failed verdict of the starter is a red stage with a report') { lab ->
    project(lab).ends('validate', 10)
    Build build = lab.build()
    assert build.result == 'FAILURE' && build.stages.report == 'SUCCESS' && build.stages.approve == 'SKIPPED'
    assert build.artifacts.containsKey('release/report/index.html')
}

scenario('a change request of the project asks nobody') { lab ->
    Build build = project(lab).build([:], [CHANGE_ID: '3'])
    assert build.result == 'SUCCESS' && !build.of('input') && build.stages.deploy == 'SKIPPED'
}

scenario('the starter is two lines') { lab ->
    lab.text = new File(lab.root, 'templates/starter/basic/Jenkinsfile').text
    assert lab.text.readLines().count { it.trim() && !it.startsWith('//') } == 2
    Build build = lab.build()
    assert build.result == 'SUCCESS' && build.of('input')[0].submitter == 'reviewer'
    assert build.log.contains('pip: -m pip install --quiet ml-release (links: none)')
}

scenario('a team with a scripted Jenkinsfile uses the steps') { lab ->
    lab.own('''
        def release = [approvers: 'alice', agent: 'python', deployAgent: 'vault']
        node('python') {
            env.ML_RELEASE_COMMIT = checkout(scm).GIT_COMMIT
            try { for (stage in ['prepare', 'train', 'validate', 'report']) { mlReleaseCandidate(stage, release) } } finally { mlReleaseReport(release) }
        }
        if (currentBuild.currentResult != 'FAILURE') {
            mlReleaseGate(release)
            lock('loans') { node('vault') { mlReleaseDeploy(release) } }
        }
    ''')
    Build build = lab.build()
    assert build.result == 'SUCCESS', build.log
    assert build.of('input')[0].executors == 0
    assert build.of('withCredentials').findAll { it.names }.size() == 2 && build.of('agent')*.label == ['python', 'vault', 'vault']
    lab.ends('validate', 10)
    assert lab.build().result == 'FAILURE' && !lab.controller.builds.last().of('input')
}

scenario('a team with a declarative Jenkinsfile of its own, and a gate in the directive form of Jenkins') { lab ->
    lab.own('''
        pipeline {
            agent none
            stages {
                stage('Go') {
                    when { beforeInput true; expression { true } }
                    input { message 'Go?'; id 'go'; submitter 'alice'; submitterParameter 'WHO'; parameters { choice(name: 'TARGET', choices: ['a', 'b'], description: 'where') } }
                    agent { label 'x' }
                    steps { sh 'echo "$WHO to $TARGET"' }
                }
            }
        }
    ''')
    lab.answers = [[user: 'alice', params: [TARGET: 'b']]]
    Build build = lab.build()
    assert build.log.contains('alice to b') && build.of('input')[0].executors == 0 && build.of('input')[0].id == 'Go'
}
