"""Faults that the rules of rules/roles.py must see: (what is wrong, the rule that must say so, how to plant it)."""

from planted.making import properties, put, statement

PARAMETERS = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/muster/${AWS::StackName}/"

PLANTED = [
    ("every table action", "no_wildcard_iam", statement("ApplyRole", "State", Action="dynamodb:*", Resource="*")),
    ("every secret", "no_wildcard_iam",
     statement("ApplyRole", "State", Action="secretsmanager:GetSecretValue", Resource="*")),
    ("misspelt action", "exact_actions", statement("ApplyRole", "Send", Action="sqs:SendMesage")),
    ("managed policy", "no_wildcard_iam",
     put(*properties("ApplyRole", "ManagedPolicyArns"), ["arn:aws:iam::aws:policy/AmazonSQSFullAccess"])),
    ("one action too many", "exact_actions",
     statement("ReportEmailRole", "Mail", Action=["ses:SendEmail", "ses:SendRawEmail"])),
    ("one action too few", "exact_actions", statement("FileImportRole", "ReadFiles", Action="s3:GetObject")),
    ("shared role", "one_role_per_function",
     put(*properties("ApplyFunction", "Role"), {"Fn::GetAtt": ["FileImportRole", "Arn"]})),
    ("function may start itself", "no_function_writes_uploads",
     statement("FileImportRole", "WriteFiles", Resource={"Fn::Sub": "${Bucket.Arn}/inbox/*"})),
    ("function may write anywhere", "no_function_writes_uploads",
     statement("FileImportRole", "WriteFiles", Resource={"Fn::Sub": "${Bucket.Arn}/*"})),
    ("apply may write opt-outs", "no_sync_writes_consents", statement("ApplyRole", "LeaveOptOutsAlone", Effect="Allow")),
    ("every parameter", "no_wildcard_iam", statement("WebhookIntakeRole", "Credentials", Resource="*")),
    ("every parameter of the account", "secrets_by_prefix",
     statement("WebhookApplyRole", "Credentials", Resource={"Fn::Sub": "arn:aws:ssm:${AWS::Region}:1:parameter/*"})),
    ("parameters of every stack", "secrets_by_prefix",
     statement("ScheduledPollRole", "Credentials", Resource={"Fn::Sub": "arn:aws:ssm:${AWS::Region}:1:parameter/muster/*"})),
    ("intake may write people", "exact_actions",
     statement("WebhookIntakeRole", "State", Action=["dynamodb:GetItem", "dynamodb:PutItem"])),
    ("intake may read objects", "exact_actions",
     statement("WebhookIntakeRole", "Send", Action=["sqs:SendMessage", "s3:GetObject"])),
    ("poll may start an import", "no_function_writes_uploads",
     statement("ScheduledPollRole", "WriteFiles", Resource={"Fn::Sub": "${Bucket.Arn}/inbox/*"})),
    ("index that nothing reads", "exact_places",
     statement("FileImportRole", "State", Resource=[{"Fn::GetAtt": ["Table", "Arn"]}, {"Fn::Sub": "${Table.Arn}/index/by-g1"}])),
    ("import may read everybody's secrets", "exact_places",
     statement("WebhookIntakeRole", "Credentials", Resource={"Fn::Sub": PARAMETERS + "*"})),
    ("key by itself", "key_through_services", statement("ApplyRole", "UseTheKey", Condition={})),
    ("intake may read people", "doors_read_no_people", statement("WebhookIntakeRole", "LeavePeopleAlone", Effect="Allow")),
    ("who is let in may read people", "doors_read_no_people", statement("SftpIdentityRole", "ReadLogins", Condition={})),
    ("intake may read every item", "doors_read_no_people", statement("WebhookIntakeRole", "State", Condition={})),
]
